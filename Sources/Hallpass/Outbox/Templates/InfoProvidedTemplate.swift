/// To the account manager: the district has answered.
enum InfoProvidedTemplate {
    static let all = [
        TemplateSource(name: "info_provided", part: .subject, text: subject),
        TemplateSource(name: "info_provided", part: .text, text: text),
        TemplateSource(name: "info_provided", part: .html, text: html),
    ]

    private static let subject = """
        Answered: {{kinds}} for {{district}}
        """

    private static let text = """
        {{district}} has answered your question about {{kinds}}:

        {{>message.text}}

        {{>about.text}}
        {{#next_step}}
        Next: {{next_step}}

        {{/next_step}}
        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">{{district}} has answered your question about <strong>{{kinds}}</strong>:</p>
        {{>message.html}}
        {{>about.html}}
        {{#next_step}}
        <p style="margin:0 0 22px;"><strong>Next:</strong> {{next_step}}</p>
        {{/next_step}}
        {{>foot.html}}
        """
}
