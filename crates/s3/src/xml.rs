//! A streaming reader of the XML that S3 servers answer with: elements and their text, borrowed from one buffer, in one pass.
//! A document that is not well-formed is an error at a byte. Attributes and namespaces are skipped: servers use them only for a
//! version.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// How deep elements may be nested. A listing has three levels.
const MAX_DEPTH: usize = 32;

/// Why a text is no XML, or not the XML that it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no well-formed XML: byte {at}: {why}")]
pub(crate) struct Broken {
    pub at: usize,
    pub why: &'static str,
}

type Read<T> = Result<T, Broken>;

/// Goes through a document from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The elements that are open, by their whole names.
    open: Vec<&'a str>,
    /// The innermost one was `<empty/>`.
    empty: bool,
}

enum Piece<'a> {
    Open(&'a str),
    Close,
    /// Escaped.
    Text(&'a str),
    Cdata(&'a str),
    End,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, open: Vec::with_capacity(8), empty: false }
    }

    /// Opens the next element within the innermost open one, and gives its name without a prefix. `None` where that one is
    /// closed before; outside of all, at the end of the document. Text between elements is skipped.
    pub fn child(&mut self) -> Read<Option<&'a str>> {
        loop {
            let at = self.at;
            match self.piece()? {
                Piece::Open(name) => return Ok(Some(local(name))),
                Piece::Close | Piece::End => return Ok(None),
                Piece::Text(text) => drop(unescape(text, at)?),
                Piece::Cdata(_) => {}
            }
        }
    }

    /// The text of the innermost open element, which is closed. Elements within it are an error: what else they mean nobody knows.
    pub fn content(&mut self) -> Read<Cow<'a, str>> {
        if let Some(text) = self.leaf() {
            return Ok(Cow::Borrowed(text));
        }
        let mut content = Cow::Borrowed("");
        loop {
            let at = self.at;
            match self.piece()? {
                Piece::Close => return Ok(content),
                Piece::Open(_) => return self.broken("an element within a value"),
                Piece::Text(text) => join(&mut content, unescape(text, at)?),
                Piece::Cdata(text) => join(&mut content, Cow::Borrowed(text)),
                Piece::End => unreachable!("within an element"),
            }
        }
    }

    /// Closes the innermost open element, whatever is in it.
    pub fn skip(&mut self) -> Read<()> {
        if self.leaf().is_some() {
            return Ok(());
        }
        let outside = self.open.len() - 1;
        while self.open.len() > outside {
            let at = self.at;
            if let Piece::Text(text) = self.piece()? {
                unescape(text, at)?;
            }
        }
        Ok(())
    }

    /// The text of the innermost open element, which is closed, where that is plain and nothing else is in it: of nearly every
    /// element that matters.
    fn leaf(&mut self) -> Option<&'a str> {
        let name = self.open.last().filter(|_| !self.empty)?;
        let rest = &self.text[self.at..];
        let (text, behind) = rest.split_at(memchr2(b'<', b'&', rest.as_bytes())?);
        behind.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')?;
        self.at += text.len() + name.len() + "</>".len();
        self.open.pop();
        Some(text)
    }

    fn broken<T>(&self, why: &'static str) -> Read<T> {
        Err(Broken { at: self.at, why })
    }

    fn piece(&mut self) -> Read<Piece<'a>> {
        if std::mem::take(&mut self.empty) {
            self.open.pop();
            return Ok(Piece::Close);
        }
        loop {
            let rest = &self.text[self.at..];
            let Some(markup) = memchr(b'<', rest.as_bytes()) else {
                return self.end(rest);
            };
            if markup > 0 {
                let text = &rest[..markup];
                if !self.open.is_empty() {
                    self.at += markup;
                    return Ok(Piece::Text(text));
                }
                if !is_blank(text) {
                    return self.broken("text outside of all elements");
                }
                self.at += markup;
                continue;
            }
            match rest.as_bytes().get(1) {
                Some(b'/') => return self.close(rest),
                Some(b'?') => self.past(rest, "?>", "an instruction without an end")?,
                Some(b'!') if rest.starts_with("<!--") => self.past(rest, "-->", "a comment without an end")?,
                Some(b'!') if rest.starts_with("<![CDATA[") && !self.open.is_empty() => {
                    let start = self.at + "<![CDATA[".len();
                    self.past(rest, "]]>", "a CDATA section without an end")?;
                    return Ok(Piece::Cdata(&self.text[start..self.at - "]]>".len()]));
                }
                Some(b'!') => return self.broken("a declaration"),
                _ => return self.element(rest),
            }
        }
    }

    fn end(&mut self, rest: &str) -> Read<Piece<'a>> {
        if !self.open.is_empty() {
            self.at = self.text.len();
            return self.broken("it ends in the middle");
        }
        if !is_blank(rest) {
            return self.broken("text outside of all elements");
        }
        self.at = self.text.len();
        Ok(Piece::End)
    }

    fn past(&mut self, rest: &str, end: &str, why: &'static str) -> Read<()> {
        match rest.find(end) {
            Some(found) => {
                self.at += found + end.len();
                Ok(())
            }
            None => self.broken(why),
        }
    }

    fn close(&mut self, rest: &'a str) -> Read<Piece<'a>> {
        let Some(length) = memchr(b'>', rest.as_bytes()) else { return self.broken("a tag without an end") };
        let name = rest[2..length].trim_ascii_end();
        match self.open.pop() {
            Some(open) if open == name => {
                self.at += length + 1;
                Ok(Piece::Close)
            }
            Some(_) => self.broken("another element is closed than was opened"),
            None => self.broken("an element is closed that was not opened"),
        }
    }

    fn element(&mut self, rest: &'a str) -> Read<Piece<'a>> {
        let bytes = rest.as_bytes();
        let Some(length) = bytes[1..].iter().position(|b| !in_name(*b)).map(|length| 1 + length) else {
            return self.broken("a tag without an end");
        };
        let name = &rest[1..length];
        let ends = matches!(bytes[length], b'>' | b'/') || bytes[length].is_ascii_whitespace();
        if !ends || name.is_empty() || matches!(bytes[1], b'0'..=b'9' | b'-' | b'.') {
            return self.broken("a tag without a name");
        }
        if self.open.len() >= MAX_DEPTH {
            return self.broken("elements nested too deep");
        }
        let mut at = length;
        loop {
            match bytes.get(at) {
                Some(b'>') => break,
                Some(b'/') if bytes.get(at + 1) == Some(&b'>') => {
                    self.empty = true;
                    at += 1;
                    break;
                }
                Some(quote @ (b'"' | b'\'')) => match memchr2(*quote, b'<', &bytes[at + 1..]) {
                    Some(end) if bytes[at + 1 + end] == *quote => at += end + 2,
                    _ => return self.broken("an attribute without an end"),
                },
                Some(b'<') | None => return self.broken("a tag without an end"),
                Some(_) => at += 1,
            }
        }
        self.at += at + 1;
        self.open.push(name);
        Ok(Piece::Open(name))
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    memchr(b':', name.as_bytes()).map_or(name, |colon| &name[colon + 1..])
}

fn in_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.') || b >= 0x80
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

fn join<'a>(to: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if to.is_empty() {
        *to = text;
    } else {
        to.to_mut().push_str(&text);
    }
}

/// Text with its references replaced; `at` is where it stands.
fn unescape(text: &str, at: usize) -> Read<Cow<'_, str>> {
    let Some(mut next) = memchr(b'&', text.as_bytes()) else { return Ok(Cow::Borrowed(text)) };
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        plain.push_str(&rest[..next]);
        rest = &rest[next + 1..];
        let broken = |why| Broken { at: at + text.len() - rest.len() - 1, why };
        let end = memchr(b';', rest.as_bytes()).ok_or_else(|| broken("a reference without an end"))?;
        plain.push(referred(&rest[..end]).ok_or_else(|| broken("a reference to nothing that is known"))?);
        rest = &rest[end + 1..];
        match memchr(b'&', rest.as_bytes()) {
            Some(another) => next = another,
            None => {
                plain.push_str(rest);
                return Ok(Cow::Owned(plain));
            }
        }
    }
}

fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
            u32::from_str_radix(digits, radix).ok().filter(|_| plain).and_then(char::from_u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a document says, or why it is none.
    fn told(text: &str) -> Result<String, &'static str> {
        fn within(xml: &mut Reader<'_>, told: &mut String) -> Read<()> {
            while let Some(name) = xml.child()? {
                told.push_str(name);
                if name.ends_with('s') {
                    told.push('(');
                    within(xml, told)?;
                    told.push(')');
                } else {
                    told.push('=');
                    told.push_str(&xml.content()?);
                    told.push(' ');
                }
            }
            Ok(())
        }
        let mut told = String::new();
        let mut xml = Reader::new(text);
        within(&mut xml, &mut told).map(|()| told).map_err(|broken| broken.why)
    }

    #[test]
    fn elements_and_their_text_are_read() {
        for (text, says) in [
            ("<as><b>1</b><c>2</c></as>", "as(b=1 c=2 )"),
            ("\u{feff}<?xml version=\"1.0\"?>\n<!-- <x> --><as xmlns='h>'><b/></as>\n<!---->", "as(b= )"),
            ("<s:as><s:b >x</s:b\n></s:as >", "as(b=x )"),
            ("<b> a &amp;&#38;&#x26;&lt;&gt;&quot;&apos; </b>", "b= a &&&<>\"'  "),
            ("<b>a<!-- c -->bc<![CDATA[<&]]>d</b>", "b=abc<&d "),
            ("<b x='>' y=\"/>\"/>", "b= "),
            ("", ""),
        ] {
            assert_eq!(told(text), Ok(says.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_an_error() {
        for (text, why) in [
            ("<as><b>1</b>", "it ends in the middle"),
            ("<as><b>1</as></b>", "another element is closed than was opened"),
            ("</a>", "an element is closed that was not opened"),
            ("<b></b></b>", "an element is closed that was not opened"),
            ("x<b/>", "text outside of all elements"),
            ("<b/>x", "text outside of all elements"),
            ("{}", "text outside of all elements"),
            ("<b>&nbsp;</b>", "a reference to nothing that is known"),
            ("<b>&#xd800;</b>", "a reference to nothing that is known"),
            ("<b>&#+1;</b>", "a reference to nothing that is known"),
            ("<b>a & b</b>", "a reference without an end"),
            ("<as><xs>&no;</xs></as>", "a reference to nothing that is known"),
            ("<b>a<x><y/>z</x>c</b>", "an element within a value"),
            ("<b><x/></b>", "an element within a value"),
            ("<!DOCTYPE b><b/>", "a declaration"),
            ("<b", "a tag without an end"),
            ("<b <c/>", "a tag without an end"),
            ("<b x='1/>", "an attribute without an end"),
            ("<b><!-- </b>", "a comment without an end"),
            ("<b>< c/></b>", "a tag without a name"),
            ("<b><1/></b>", "a tag without a name"),
        ] {
            assert_eq!(told(text), Err(why), "{text}");
        }
        assert_eq!(told(&"<as>".repeat(100)), Err("elements nested too deep"));
    }

    #[test]
    fn the_place_of_an_error_is_told() {
        let mut xml = Reader::new("<a><b>one &bad; two</b></a>");
        assert_eq!((xml.child(), xml.child()), (Ok(Some("a")), Ok(Some("b"))));
        assert_eq!(xml.content().unwrap_err().at, 10);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[<>/&;#!?a-c='\" \\[\\]CDATA-]{0,60}") {
            drop(told(&text));
        }

        #[test]
        fn a_cut_document_is_an_error(cut in 1_usize..60) {
            let whole = "<as><b>1</b><c x='1'/><d>&amp;</d><!-- c --><![CDATA[x]]></as>";
            proptest::prop_assert!(told(whole).is_ok());
            proptest::prop_assert!(told(&whole[..cut]).is_err());
        }
    }
}
