//! Markdown of comments as HTML that is harmless on our pages.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::mentions::{Part, parts};

/// Headings begin below those of the page they stand on.
const BELOW: u8 = 3;

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    // A line is a line, and what looks like HTML is text: `<5 %` and `<gene>` stay as they were written.
    options.render.hardbreaks = true;
    options.render.escape = true;
    options
});

/// What may be on a page, whatever the Markdown made of it.
static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .add_tags([
            "p",
            "br",
            "hr",
            "em",
            "strong",
            "del",
            "a",
            "code",
            "pre",
            "blockquote",
            "ul",
            "ol",
            "li",
            "h4",
            "h5",
            "h6",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ])
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
            ("th", HashSet::from(["align"])),
            ("td", HashSet::from(["align"])),
        ]))
        .url_schemes(HashSet::from(["http", "https"]))
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

/// The text as HTML. `handles` are those of people it was found to mention, in lower case without `@`.
///
/// Raw HTML is shown as it was typed, images become links (fetching one would tell its server who reads), links go to web
/// pages only.
#[must_use]
pub fn to_html(text: &str, handles: &[&str]) -> String {
    let arena = Arena::new();
    let root = parse_document(&arena, text, &OPTIONS);
    let nodes: Vec<_> = root.descendants().collect();
    for node in nodes {
        let mut data = node.data_mut();
        let written = match &mut data.value {
            NodeValue::Heading(heading) => {
                heading.level = heading.level.saturating_add(BELOW).min(6);
                None
            }
            NodeValue::Image(link) => {
                let link = link.clone();
                data.value = NodeValue::Link(link);
                None
            }
            NodeValue::Text(text) => Some(text.to_string()),
            _ => None,
        };
        drop(data);
        if let Some(written) = written {
            emphasise(&arena, node, &written, handles);
        }
    }
    let mut html = String::new();
    // Writing to a string cannot fail; should the library ever refuse a tree, the text is shown as it was typed.
    if format_html(root, &OPTIONS, &mut html).is_err() {
        return ammonia::clean_text(text);
    }
    CLEANER.clean(&html).to_string()
}

/// Makes the names of people who were mentioned stand out.
fn emphasise<'a>(arena: &'a Arena<'a>, node: &'a AstNode<'a>, text: &str, handles: &[&str]) {
    let known =
        |part: &Part<'_>| matches!(part, Part::Mention(handle) if handles.contains(&handle.to_lowercase().as_str()));
    let parts = parts(text);
    if !parts.iter().any(known) {
        return;
    }
    let new = |value| arena.alloc(AstNode::from(value));
    for part in &parts {
        let words = match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Mention(handle) => format!("@{handle}"),
        };
        let written = new(NodeValue::Text(words.into()));
        if known(part) {
            let strong = new(NodeValue::Strong);
            strong.append(written);
            node.insert_before(strong);
        } else {
            node.insert_before(written);
        }
    }
    node.detach();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scraper::{Html, Selector};

    use super::*;

    #[test]
    fn markdown_is_laid_out() {
        let html = to_html("# Plan\n*one*\ntwo\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n- x\n- y", &[]);
        for part in ["<h4>Plan</h4>", "<em>one</em><br>", "<td align=\"right\">2</td>", "<li>x</li>"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    /// Nothing that was typed gets lost as a tag.
    #[test]
    fn html_is_shown_as_it_was_typed() {
        let html = to_html("frequency <5 % in <gene>, <script>alert(1)</script>", &[]);
        let text: String = Html::parse_fragment(&html).root_element().text().collect();
        assert_eq!(text.trim(), "frequency <5 % in <gene>, <script>alert(1)</script>");
    }

    /// N6
    #[test]
    fn n6_links_go_to_web_pages_and_images_are_links() {
        let html = to_html(
            "[a](javascript:alert(1)) [b](https://x.org/?q=1&r=2) ![scan](http://x.org/1.png) https://y.org",
            &[],
        );
        assert!(!html.contains("javascript") && !html.contains("<img"), "{html}");
        assert_eq!(html.matches("rel=\"noopener noreferrer nofollow\"").count(), html.matches("<a ").count(), "{html}");
        for part in ["href=\"https://x.org/?q=1&amp;r=2\"", ">scan</a>", "href=\"https://y.org\""] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    /// N6
    #[test]
    fn n6_no_scheme_but_the_webs_is_a_link() {
        for scheme in ["javascript", "JaVaScRiPt", "java\tscript", "data", "vbscript", "file", "&#106;avascript"] {
            for text in [format!("[a]({scheme}:x)"), format!("<{scheme}:x>"), format!("[a]: {scheme}:x\n\n[a]")] {
                let html = to_html(&text, &[]);
                let page = Html::parse_fragment(&html);
                let links = page.select(&Selector::parse("[href]:not([href=''])").unwrap()).count();
                assert_eq!(links, 0, "{text}: {html}");
            }
        }
    }

    /// N6: no nesting takes the stack, and none gets lost.
    #[test]
    fn n6_deep_nesting_stays_text() {
        for opening in ["> ", "- ", "[", "![", "**a ", "<b>", "`a ", "|a\n|-\n"] {
            let html = to_html(&format!("{}core", opening.repeat(10_000)), &[]);
            assert!(html.contains("core"), "{opening}");
        }
    }

    #[test]
    fn who_is_mentioned_stands_out() {
        let html = to_html("**for** @Ann, @bob and a@ann: `@ann`", &["ann"]);
        assert_eq!(html.matches("<strong>@Ann</strong>").count(), 1, "{html}");
        assert!(html.contains("@bob") && !html.contains("<strong>@bob"), "{html}");
        assert!(html.contains("<code>@ann</code>"), "{html}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// N6. Whatever is typed: no tag, attribute or address but the harmless ones.
        #[test]
        fn n6_no_text_becomes_anything_harmful(text in r#"[ -~\n<>"'&@()\[\]`*_#|!:/é]{0,200}"#) {
            let html = to_html(&text, &["ann"]);
            let page = Html::parse_fragment(&html);
            for element in page.select(&Selector::parse("*").unwrap()) {
                let name = element.value().name();
                prop_assert!(!["script", "img", "style", "iframe", "svg", "form", "input", "object"].contains(&name), "{html}");
                for (attribute, value) in element.value().attrs() {
                    prop_assert!(["href", "rel", "start", "align"].contains(&attribute), "{attribute} in {html}");
                    prop_assert!(attribute != "href" || !value.trim().to_lowercase().starts_with("javascript"), "{html}");
                }
            }
        }
    }
}
