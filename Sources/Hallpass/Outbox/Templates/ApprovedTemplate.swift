/// To the requester: what was approved, a setup link each, what happens after.
enum ApprovedTemplate {
    static let all = [
        TemplateSource(name: "approved", part: .subject, text: subject),
        TemplateSource(name: "approved", part: .text, text: text),
        TemplateSource(name: "approved", part: .html, text: html),
    ]

    private static let subject = """
        Approved: {{kinds}} for {{district}}
        """

    private static let text = """
        Hello {{requester}},

        {{vendor}} has approved {{kinds}} for {{district}}. You can set {{#both}}both{{/both}}{{^both}}it{{/both}} up in \
        Clever now.
        {{#message}}

        {{>message.text}}
        {{/message}}

        WHAT TO DO NEXT
        {{#requests}}

        {{number}}. Set up {{kind}}{{#setup_url}}:
           {{setup_url}}{{/setup_url}}
        {{^setup_url}}
           {{#account_manager}}Your account manager{{/account_manager}}{{^account_manager}}We{{/account_manager}} will \
        send you the link for this step.
        {{/setup_url}}
           {{#launch_date}}Launch date: {{launch_date}}. If setup is complete by then, {{kind}} launches at the \
        start of that day; otherwise as soon as setup is complete.{{/launch_date}}{{^launch_date}}There is no launch date to wait for: {{kind}} \
        launches as soon as setup is complete.{{/launch_date}}
        {{/requests}}

        SHARING RULES

        {{#both}}For SSO and rostering, use{{/both}}{{^both}}{{#is_sso}}If you connect rostering too, use{{/is_sso}}\
        {{#is_rostering}}Rostering works together with SSO: use{{/is_rostering}}{{/both}} the same sharing rules for both; \
        we recommend sharing by section. A teacher who is shared for SSO only can log in but not import a roster, and one \
        who is shared for rostering only can do neither.

        WHAT HAPPENS AFTER THAT

        {{#has_sso}}
        - SSO: from its launch on, the people you share can log in to {{vendor}} through Clever.
        {{/has_sso}}
        {{#has_rostering}}
        - Rostering: when setup is complete, {{#account_manager}}your account manager reviews the data and configures your \
        account{{/account_manager}}{{^account_manager}}we review the data and configure your account{{/account_manager}}. \
        Then you get a second e-mail. Teachers cannot import rosters before that one, even after the launch date.
        {{/has_rostering}}

        GOOD TO KNOW

        - Sharing grants no license and takes no seat: only students in the classes of licensed teachers count.
        - Staff records are not processed. {{#account_manager}}To create admins, contact your account manager.\
        {{/account_manager}}{{^account_manager}}To create admins, write to us.{{/account_manager}}

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 16px;">Hello {{requester}},</p>
        <p style="margin:0 0 20px;">{{vendor}} has approved <strong>{{kinds}}</strong> for {{district}}. You can set \
        {{#both}}both{{/both}}{{^both}}it{{/both}} up in Clever now.</p>
        {{>message.html}}
        <h2 class="text" style="margin:0 0 12px;font-size:18px;line-height:25px;color:#1f2933;">What to do next</h2>
        {{#requests}}
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 14px;">
        <tr><td class="box text" style="background:#f6f8f9;border:1px solid #e3e8ec;border-radius:8px;padding:16px;\
        color:#1f2933;">
        <p style="margin:0 0 12px;"><strong>{{#both}}{{number}}. {{/both}}Set up {{kind}}</strong></p>
        {{#setup_url}}
        <table role="presentation" class="button" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 12px;">
        <tr><td style="background:{{brand_color}};border-radius:6px;">\
        <a href="{{setup_url}}" style="display:inline-block;padding:11px 22px;color:{{brand_text_color}};\
        text-decoration:none;font-weight:600;">Set up {{kind}} in Clever</a></td></tr></table>
        {{/setup_url}}
        {{^setup_url}}
        <p style="margin:0 0 12px;">\
        {{#account_manager}}Your account manager{{/account_manager}}{{^account_manager}}We{{/account_manager}} will send \
        you the link for this step.</p>
        {{/setup_url}}
        {{#launch_date}}
        <p style="margin:0;">Launch date: <strong>{{launch_date}}</strong>. <span class="quiet" style="color:#52606d;">\
        If setup is complete by then, {{kind}} launches at the start of that day; otherwise as soon as setup is \
        complete.</span></p>
        {{/launch_date}}
        {{^launch_date}}
        <p class="quiet" style="margin:0;color:#52606d;">There is no launch date to wait for: {{kind}} launches as soon \
        as setup is complete.</p>
        {{/launch_date}}
        </td></tr></table>
        {{/requests}}
        <h2 class="text" style="margin:24px 0 8px;font-size:18px;line-height:25px;color:#1f2933;">Sharing rules</h2>
        <p style="margin:0 0 16px;">{{#both}}For SSO and rostering, use{{/both}}{{^both}}\
        {{#is_sso}}If you connect rostering too, use{{/is_sso}}\
        {{#is_rostering}}Rostering works together with SSO: use{{/is_rostering}}{{/both}} <strong>the same sharing rules \
        for both; we recommend sharing by section</strong>. A teacher who is shared for SSO only can log in but not import \
        a roster, and one who is shared for rostering only can do neither.</p>
        <h2 class="text" style="margin:24px 0 8px;font-size:18px;line-height:25px;color:#1f2933;">What happens after \
        that</h2>
        {{#has_sso}}
        <p style="margin:0 0 10px;"><strong>SSO:</strong> from its launch on, the people you share can log in to {{vendor}} \
        through Clever.</p>
        {{/has_sso}}
        {{#has_rostering}}
        <p style="margin:0 0 10px;"><strong>Rostering:</strong> when setup is complete, \
        {{#account_manager}}your account manager reviews the data and configures your account{{/account_manager}}\
        {{^account_manager}}we review the data and configure your account{{/account_manager}}. Then you get a second \
        e-mail. <strong>Teachers cannot import rosters before that one</strong>, even after the launch date.</p>
        {{/has_rostering}}
        <h2 class="text" style="margin:24px 0 8px;font-size:18px;line-height:25px;color:#1f2933;">Good to know</h2>
        <p style="margin:0 0 10px;">Sharing grants no license and takes no seat: only students in the classes of licensed \
        teachers count.</p>
        <p style="margin:0 0 22px;">Staff records are not processed. \
        {{#account_manager}}To create admins, contact your account manager.{{/account_manager}}\
        {{^account_manager}}To create admins, write to us.{{/account_manager}}</p>
        {{>foot.html}}
        """
}
