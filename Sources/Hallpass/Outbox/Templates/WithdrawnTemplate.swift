/// To the account manager: the district no longer wants it.
enum WithdrawnTemplate {
    static let all = [
        TemplateSource(name: "withdrawn", part: .subject, text: subject),
        TemplateSource(name: "withdrawn", part: .text, text: text),
        TemplateSource(name: "withdrawn", part: .html, text: html),
    ]

    private static let subject = """
        Withdrawn: {{kinds}} for {{district}}
        """

    private static let text = """
        The request of {{district}} for {{kinds}} has been withdrawn. There is nothing left to do; the district may ask \
        again.

        {{#message}}
        The reason:

        {{>message.text}}

        {{/message}}
        {{>about.text}}
        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">The request of {{district}} for <strong>{{kinds}}</strong> has been withdrawn. There is \
        nothing left to do; the district may ask again.{{#message}} The reason:{{/message}}</p>
        {{>message.html}}
        {{>about.html}}
        {{>foot.html}}
        """
}
