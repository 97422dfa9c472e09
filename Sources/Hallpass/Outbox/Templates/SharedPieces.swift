/// What several templates have in common. A template takes a piece in by its name: `{{>head.html}}`.
enum SharedPieces {
    static let all = [
        TemplateSource(name: "head", part: .html, text: head),
        TemplateSource(name: "foot", part: .html, text: footHTML),
        TemplateSource(name: "foot", part: .text, text: footText),
        TemplateSource(name: "message", part: .html, text: messageHTML),
        TemplateSource(name: "message", part: .text, text: messageText),
        TemplateSource(name: "about", part: .html, text: aboutHTML),
        TemplateSource(name: "about", part: .text, text: aboutText),
    ]

    /// Light colours are inline, for clients that drop `<style>`; dark ones need it. Nothing is loaded from anywhere.
    private static let head = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="supported-color-schemes" content="light dark">
        <meta name="x-apple-disable-message-reformatting">
        <title>{{subject}}</title>
        <style>
        :root { color-scheme: light dark; supported-color-schemes: light dark; }
        @media (max-width: 600px) {
          .card { padding: 24px 20px !important; }
          .edge { padding: 0 !important; }
          .button { width: 100% !important; }
          .button a { display: block !important; text-align: center !important; }
        }
        @media (prefers-color-scheme: dark) {
          .page { background: #14171b !important; }
          .card { background: #1e2328 !important; border-color: #343b43 !important; }
          .box { background: #272d34 !important; border-color: #3b434c !important; }
          .quote { background: #272d34 !important; }
          .text { color: #e8ebee !important; }
          .quiet { color: #aab4bd !important; }
          .link { color: {{link_color_dark}} !important; }
          .rule { border-color: #343b43 !important; }
        }
        </style>
        </head>
        <body class="page" style="margin:0;padding:0;background:#f1f3f5;-webkit-text-size-adjust:100%;">
        <div style="display:none;max-height:0;overflow:hidden;mso-hide:all;">{{preview}}</div>
        <table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" \
        style="background:#f1f3f5;">
        <tr><td class="edge" align="center" style="padding:24px 12px;">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;">
        <tr><td style="background:{{brand_color}};border-radius:10px 10px 0 0;padding:16px 28px;\
        font:600 17px/24px -apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
        color:{{brand_text_color}};">{{logo_text}}</td></tr>
        <tr><td class="card text" style="background:#ffffff;border:1px solid #dde2e6;border-top:0;\
        border-radius:0 0 10px 10px;padding:28px;\
        font:400 16px/25px -apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
        color:#1f2933;word-break:break-word;">

        """

    private static let footHTML = """
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
        <tr><td class="rule text" style="border-top:1px solid #dde2e6;padding-top:18px;color:#1f2933;">
        {{^to_account_manager}}
        <p style="margin:0 0 14px;">Questions? Reply to this e-mail{{#account_manager}}: it reaches your account \
        manager, <a class="link" href="mailto:{{account_manager}}" style="color:{{link_color}};">\
        {{account_manager}}</a>{{/account_manager}}.</p>
        {{/to_account_manager}}
        <p class="quiet" style="margin:0;color:#52606d;">\
        {{#signature_lines}}{{.}}{{^last()}}<br>{{/last()}}{{/signature_lines}}</p>
        </td></tr></table>
        </td></tr></table>
        </td></tr></table>
        </body>
        </html>

        """

    private static let footText = """
        {{^to_account_manager}}
        Questions? Reply to this e-mail{{#account_manager}}: it reaches your account manager, {{account_manager}}\
        {{/account_manager}}.

        {{/to_account_manager}}
        {{#signature_lines}}
        {{.}}
        {{/signature_lines}}

        """

    /// The words of the person who acted.
    private static let messageHTML = """
        {{#message_lines}}
        {{#first()}}
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 18px;">
        <tr><td class="quote text" style="background:#f6f8f9;border-left:4px solid {{brand_color}};padding:12px 16px;\
        color:#1f2933;">
        {{/first()}}
        {{.}}{{^last()}}<br>{{/last()}}
        {{#last()}}
        </td></tr></table>
        {{/last()}}
        {{/message_lines}}

        """

    private static let messageText = """
        {{#message_lines}}
            {{.}}
        {{/message_lines}}

        """

    /// What an account manager wants to see of the requests a mail is about.
    private static let aboutHTML = """
        {{#requests}}
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 18px;">
        <tr><td class="box text" style="background:#f6f8f9;border:1px solid #e3e8ec;border-radius:8px;padding:14px 16px;\
        color:#1f2933;">
        <p style="margin:0 0 6px;"><strong>{{title}}</strong> &middot; {{district}}{{#district_state}}, \
        {{district_state}}{{/district_state}}</p>
        <p class="quiet" style="margin:0 0 6px;color:#52606d;">Asked for by {{requester}}\
        {{#requester_title}} ({{requester_title}}){{/requester_title}}, \
        <a class="link" href="mailto:{{requester_email}}" style="color:{{link_color}};">{{requester_email}}</a></p>
        <p class="quiet" style="margin:0;color:#52606d;">Launch date: \
        {{#launch_date}}{{launch_date}}{{/launch_date}}{{^launch_date}}no custom launch date{{/launch_date}}\
        {{#launched}} (launched){{/launched}}</p>
        <p class="quiet" style="margin:6px 0 0;color:#52606d;font-size:13px;line-height:19px;">Request \
        {{request_id}}</p>
        </td></tr></table>
        {{/requests}}

        """

    private static let aboutText = """
        {{#requests}}
        {{title}}, {{district}}{{#district_state}}, {{district_state}}{{/district_state}}
        Asked for by: {{requester}}{{#requester_title}} ({{requester_title}}){{/requester_title}}, {{requester_email}}
        Launch date: {{#launch_date}}{{launch_date}}{{/launch_date}}{{^launch_date}}no custom launch date\
        {{/launch_date}}{{#launched}} (launched){{/launched}}
        Request: {{request_id}}

        {{/requests}}

        """
}
