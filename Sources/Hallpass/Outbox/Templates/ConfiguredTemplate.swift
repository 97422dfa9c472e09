/// To the requester: the account is configured. For rostering: teachers can now import rosters.
enum ConfiguredTemplate {
    static let all = [
        TemplateSource(name: "configured", part: .subject, text: subject),
        TemplateSource(name: "configured", part: .text, text: text),
        TemplateSource(name: "configured", part: .html, text: html),
    ]

    private static let subject = """
        {{#has_rostering}}Teachers can now import rosters: {{district}}{{/has_rostering}}\
        {{^has_rostering}}SSO is ready: {{district}}{{/has_rostering}}
        """

    private static let text = """
        Hello {{requester}},

        {{#requests}}
        {{#is_rostering}}
        Rostering for {{district}} is configured, and teachers can now import rosters{{#starts_on}}, starting on the \
        launch date: {{starts_on}}{{/starts_on}}.
        {{#sso_starts_on}}

        They log in with SSO first, which launches on {{sso_starts_on}}.
        {{/sso_starts_on}}
        {{#sso_waits_for_setup}}

        They log in with SSO first, which launches once its setup in Clever is complete.
        {{/sso_waits_for_setup}}
        {{/is_rostering}}
        {{#is_sso}}
        SSO for {{district}} is configured: the people you share can log in to {{vendor}} through Clever\
        {{#starts_on}}, starting on the launch date: {{starts_on}}{{/starts_on}}{{^starts_on}} now{{/starts_on}}.
        {{/is_sso}}
        {{/requests}}
        {{#message}}

        {{>message.text}}
        {{/message}}
        {{#has_rostering}}

        WHAT TO TELL YOUR TEACHERS

        1. Open {{vendor}} from the Clever portal.
        2. Choose to import a roster, and pick the classes.

        If a teacher is missing a class, check that its section is shared for rostering in Clever, and that the teacher \
        is shared for SSO too.
        {{/has_rostering}}

        GOOD TO KNOW

        - Sharing more teachers or classes grants no license and takes no seat: only students in the classes of licensed \
        teachers count.
        - When you change what you share, change it for SSO and rostering alike.

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 16px;">Hello {{requester}},</p>
        {{#requests}}
        {{#is_rostering}}
        <p style="margin:0 0 18px;">Rostering for {{district}} is configured, and <strong>teachers can now import \
        rosters</strong>{{#starts_on}}, starting on the launch date: <strong>{{starts_on}}</strong>{{/starts_on}}.</p>
        {{#sso_starts_on}}
        <p style="margin:0 0 18px;">They log in with SSO first, which launches on <strong>{{sso_starts_on}}</strong>.</p>
        {{/sso_starts_on}}
        {{#sso_waits_for_setup}}
        <p style="margin:0 0 18px;">They log in with SSO first, which launches once its setup in Clever is complete.</p>
        {{/sso_waits_for_setup}}
        {{/is_rostering}}
        {{#is_sso}}
        <p style="margin:0 0 18px;">SSO for {{district}} is configured: <strong>the people you share can log in</strong> to \
        {{vendor}} through Clever{{#starts_on}}, starting on the launch date: <strong>{{starts_on}}</strong>{{/starts_on}}\
        {{^starts_on}} now{{/starts_on}}.</p>
        {{/is_sso}}
        {{/requests}}
        {{>message.html}}
        {{#has_rostering}}
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 18px;">
        <tr><td class="box text" style="background:#f6f8f9;border:1px solid #e3e8ec;border-radius:8px;padding:16px;\
        color:#1f2933;">
        <p style="margin:0 0 8px;"><strong>What to tell your teachers</strong></p>
        <p style="margin:0 0 4px;">1. Open {{vendor}} from the Clever portal.</p>
        <p style="margin:0 0 12px;">2. Choose to import a roster, and pick the classes.</p>
        <p class="quiet" style="margin:0;color:#52606d;">If a teacher is missing a class, check that its section is shared \
        for rostering in Clever, and that the teacher is shared for SSO too.</p>
        </td></tr></table>
        {{/has_rostering}}
        <h2 class="text" style="margin:0 0 8px;font-size:18px;line-height:25px;color:#1f2933;">Good to know</h2>
        <p style="margin:0 0 10px;">Sharing more teachers or classes grants no license and takes no seat: only students in \
        the classes of licensed teachers count.</p>
        <p style="margin:0 0 22px;">When you change what you share, change it for SSO and rostering alike.</p>
        {{>foot.html}}
        """
}
