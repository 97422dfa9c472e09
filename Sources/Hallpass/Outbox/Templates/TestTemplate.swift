/// To whomever `hallpass email test` names: that mail arrives, and how it looks.
enum TestTemplate {
    static let all = [
        TemplateSource(name: "test", part: .subject, text: subject),
        TemplateSource(name: "test", part: .text, text: text),
        TemplateSource(name: "test", part: .html, text: html),
    ]

    private static let subject = """
        Test: e-mail from {{vendor}} arrives
        """

    private static let text = """
        This is a test of the settings by which {{vendor}} sends e-mail. It arrived, so they work; there is nothing to do.

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">This is a test of the settings by which {{vendor}} sends e-mail. It arrived, so they \
        work; there is nothing to do.</p>
        {{>foot.html}}
        """
}
