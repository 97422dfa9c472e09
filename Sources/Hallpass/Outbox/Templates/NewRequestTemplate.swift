/// To the account manager: a district asks for an integration.
enum NewRequestTemplate {
    static let all = [
        TemplateSource(name: "new_request", part: .subject, text: subject),
        TemplateSource(name: "new_request", part: .text, text: text),
        TemplateSource(name: "new_request", part: .html, text: html),
    ]

    private static let subject = """
        New request: {{kinds}} for {{district}}
        """

    private static let text = """
        {{district}} asks for {{kinds}}.

        {{>about.text}}
        {{#message}}
        They write:

        {{>message.text}}

        {{/message}}
        {{#next_step}}
        Next: {{next_step}}

        {{/next_step}}
        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">{{district}} asks for <strong>{{kinds}}</strong>.</p>
        {{>about.html}}
        {{#message}}
        <p style="margin:0 0 10px;">They write:</p>
        {{/message}}
        {{>message.html}}
        {{#next_step}}
        <p style="margin:0 0 22px;"><strong>Next:</strong> {{next_step}}</p>
        {{/next_step}}
        {{>foot.html}}
        """
}
