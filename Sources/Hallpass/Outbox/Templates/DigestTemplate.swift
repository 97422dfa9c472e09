/// To the account manager, in their morning: what waits for them.
enum DigestTemplate {
    static let all = [
        TemplateSource(name: "digest", part: .subject, text: subject),
        TemplateSource(name: "digest", part: .text, text: text),
        TemplateSource(name: "digest", part: .html, text: html),
    ]

    private static let subject = """
        {{day}}: {{headline}}
        """

    private static let text = """
        Good morning. This is what waits for you at {{vendor}} on {{day}}.
        {{#sections}}

        {{heading_upper}}{{#count}} ({{count}}){{/count}}
        {{#rows}}
        - {{text}}{{#detail}}: {{detail}}{{/detail}}
        {{/rows}}
        {{#more}}
        - and {{more}} more
        {{/more}}
        {{/sections}}

        {{>foot.text}}
        """

    private static let html = """
        {{>head.html}}
        <p style="margin:0 0 18px;">Good morning. This is what waits for you at {{vendor}} on {{day}}.</p>
        {{#sections}}
        <h2 class="text" style="margin:0 0 8px;font-size:18px;line-height:25px;color:#1f2933;">{{heading}}\
        {{#count}} <span class="quiet" style="color:#52606d;font-weight:400;">({{count}})</span>{{/count}}</h2>
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 22px;">
        {{#rows}}
        <tr><td class="rule text" style="border-top:1px solid #e3e8ec;padding:8px 0;color:#1f2933;">\
        {{text}}\
        {{#detail}}<br><span class="quiet" style="color:#52606d;">{{detail}}</span>{{/detail}}</td></tr>
        {{/rows}}
        {{#more}}
        <tr><td class="rule quiet" style="border-top:1px solid #e3e8ec;padding:8px 0;color:#52606d;">and {{more}} more\
        </td></tr>
        {{/more}}
        </table>
        {{/sections}}
        {{>foot.html}}
        """
}
