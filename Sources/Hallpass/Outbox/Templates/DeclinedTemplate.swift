/// To the requester: why the request was declined, and what can be done.
enum DeclinedTemplate {
    static let all = [
        TemplateSource(name: "declined", part: .subject, text: subject),
        TemplateSource(name: "declined", part: .text, text: text),
        TemplateSource(name: "declined", part: .html, text: html),
    ]

    private static let subject = """
        Not approved: {{kinds}} for {{district}}
        """

    private static let text = """
        Hello {{requester}},

        {{vendor}} cannot approve {{kinds}} for {{district}} at this time.
        {{#message}}

        The reason:

        {{>message.text}}
        {{/message}}

        WHAT YOU CAN DO

        If something here is wrong or has changed, reply to this e-mail. You can also ask again in Clever at any time; it \
        counts as a new request. Nothing has been shared with {{vendor}} through this request.

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 16px;">Hello {{requester}},</p>
        <p style="margin:0 0 18px;">{{vendor}} cannot approve <strong>{{kinds}}</strong> for {{district}} at this time.\
        {{#message}} The reason:{{/message}}</p>
        {{>message.html}}
        <h2 class="text" style="margin:0 0 8px;font-size:18px;line-height:25px;color:#1f2933;">What you can do</h2>
        <p style="margin:0 0 22px;">If something here is wrong or has changed, reply to this e-mail. You can also ask again \
        in Clever at any time; it counts as a new request. Nothing has been shared with {{vendor}} through this \
        request.</p>
        {{>foot.html}}
        """
}
