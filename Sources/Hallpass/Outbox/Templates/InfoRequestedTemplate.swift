/// To the requester: a question that must be answered before the request is decided.
enum InfoRequestedTemplate {
    static let all = [
        TemplateSource(name: "info_requested", part: .subject, text: subject),
        TemplateSource(name: "info_requested", part: .text, text: text),
        TemplateSource(name: "info_requested", part: .html, text: html),
    ]

    private static let subject = """
        A question about {{kinds}} for {{district}}
        """

    private static let text = """
        Hello {{requester}},

        Before {{vendor}} can decide on {{kinds}} for {{district}}, we need to know something:

        {{>message.text}}

        WHAT TO DO NEXT

        Reply to this e-mail with your answer. We decide once we have it, and e-mail you either way.\
        {{#requests}}{{#launch_date}} The launch date you asked for, {{launch_date}}, stays as it is meanwhile.\
        {{/launch_date}}{{/requests}}

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 16px;">Hello {{requester}},</p>
        <p style="margin:0 0 18px;">Before {{vendor}} can decide on <strong>{{kinds}}</strong> for {{district}}, we need to \
        know something:</p>
        {{>message.html}}
        <h2 class="text" style="margin:0 0 8px;font-size:18px;line-height:25px;color:#1f2933;">What to do next</h2>
        <p style="margin:0 0 22px;"><strong>Reply to this e-mail with your answer.</strong> We decide once we have it, and \
        e-mail you either way.{{#requests}}{{#launch_date}} The launch date you asked for, {{launch_date}}, stays as it is \
        meanwhile.{{/launch_date}}{{/requests}}</p>
        {{>foot.html}}
        """
}
