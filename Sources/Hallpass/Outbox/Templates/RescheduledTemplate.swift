/// To the requester: the launch date has moved.
enum RescheduledTemplate {
    static let all = [
        TemplateSource(name: "rescheduled", part: .subject, text: subject),
        TemplateSource(name: "rescheduled", part: .text, text: text),
        TemplateSource(name: "rescheduled", part: .html, text: html),
    ]

    private static let subject = """
        New launch date: {{kinds}} for {{district}}
        """

    private static let text = """
        Hello {{requester}},

        The launch of {{kinds}} for {{district}} has been rescheduled.
        {{#requests}}

        {{title}}: {{#launched}}launched now{{/launched}}{{^launched}}\
        {{#launch_date}}{{launch_date}}{{/launch_date}}\
        {{^launch_date}}no custom launch date; it launches as soon as setup is complete{{/launch_date}}{{/launched}}
        {{#setup_is_open}}
           Setup in Clever is not complete yet. It has to be, for {{kind}} to launch{{#launch_date}} on that day\
        {{/launch_date}}.
        {{#setup_url}}
           {{setup_url}}
        {{/setup_url}}
        {{/setup_is_open}}
        {{/requests}}
        {{#message}}

        {{>message.text}}
        {{/message}}

        If the new date does not suit you, reply to this e-mail.

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 16px;">Hello {{requester}},</p>
        <p style="margin:0 0 18px;">The launch of <strong>{{kinds}}</strong> for {{district}} has been rescheduled.</p>
        {{#requests}}
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 14px;">
        <tr><td class="box text" style="background:#f6f8f9;border:1px solid #e3e8ec;border-radius:8px;padding:16px;\
        color:#1f2933;">
        <p style="margin:0;">{{title}}: \
        {{#launched}}<strong>launched now</strong>{{/launched}}\
        {{^launched}}{{#launch_date}}<strong>{{launch_date}}</strong>{{/launch_date}}\
        {{^launch_date}}<strong>no custom launch date</strong>; it launches as soon as setup is complete\
        {{/launch_date}}{{/launched}}</p>
        {{#setup_is_open}}
        <p class="quiet" style="margin:10px 0 0;color:#52606d;">Setup in Clever is not complete yet. It has to be, for \
        {{kind}} to launch{{#launch_date}} on that day{{/launch_date}}.</p>
        {{#setup_url}}
        <table role="presentation" class="button" cellpadding="0" cellspacing="0" border="0" style="margin:12px 0 0;">
        <tr><td style="background:{{brand_color}};border-radius:6px;">\
        <a href="{{setup_url}}" style="display:inline-block;padding:11px 22px;color:{{brand_text_color}};\
        text-decoration:none;font-weight:600;">Set up {{kind}} in Clever</a></td></tr></table>
        {{/setup_url}}
        {{/setup_is_open}}
        </td></tr></table>
        {{/requests}}
        {{>message.html}}
        <p style="margin:0 0 22px;">If the new date does not suit you, reply to this e-mail.</p>
        {{>foot.html}}
        """
}
