/// To the account manager: the sharing wizard is complete, the data is to be reviewed.
enum SetupCompletedTemplate {
    static let all = [
        TemplateSource(name: "setup_completed", part: .subject, text: subject),
        TemplateSource(name: "setup_completed", part: .text, text: text),
        TemplateSource(name: "setup_completed", part: .html, text: html),
    ]

    private static let subject = """
        Review the data: {{kinds}} for {{district}}
        """

    private static let text = """
        {{district}} has completed the sharing wizard for {{kinds}}. Review the data, then configure the account.

        {{>about.text}}
        {{#requests}}
        {{#sharing_method}}
        Shared by: {{sharing_method}}
        {{/sharing_method}}
        {{/requests}}

        {{#next_step}}
        Next: {{next_step}}

        {{/next_step}}
        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">{{district}} has completed the sharing wizard for <strong>{{kinds}}</strong>. Review the \
        data, then configure the account.</p>
        {{>about.html}}
        {{#requests}}
        {{#sharing_method}}
        <p style="margin:0 0 8px;">Shared by: {{sharing_method}}</p>
        {{/sharing_method}}
        {{/requests}}
        {{#next_step}}
        <p style="margin:0 0 22px;"><strong>Next:</strong> {{next_step}}</p>
        {{/next_step}}
        {{>foot.html}}
        """
}
