//! Writes JSON in different ways that mean the same.

#[derive(Debug, Clone)]
pub enum Json {
    /// Literal JSON text, such as a string that the other variants cannot express
    Literal(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Writes a text with white space, an order of keys and escapes that follow from the seed.
pub struct Style {
    state: u64,
    plain: bool,
}

impl Style {
    pub const PLAIN: Self = Self { state: 0, plain: true };

    pub fn seeded(seed: u64) -> Self {
        Self { state: seed | 1, plain: false }
    }

    fn below(&mut self, limit: usize) -> usize {
        if self.plain {
            return 0;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % u64::try_from(limit).expect("small")).expect("small")
    }

    fn space(&mut self, out: &mut String) {
        out.push_str(["", "", "", " ", "\n", "\r\n", "\t", "  "][self.below(8)]);
    }

    fn text(&mut self, out: &mut String, text: &str) {
        out.push('"');
        for char in text.chars() {
            let escape = char < ' ' || char == '"' || char == '\\' || self.below(8) == 1;
            if escape {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                out.push(char);
            }
        }
        out.push('"');
    }

    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        if !self.plain {
            for at in (1..count).rev() {
                let other = self.below(at + 1);
                order.swap(at, other);
            }
        }
        order
    }

    fn value(&mut self, out: &mut String, json: &Json) {
        self.space(out);
        match json {
            Json::Literal(text) => out.push_str(text),
            Json::Text(text) => self.text(out, text),
            Json::Array(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    self.value(out, element);
                }
                out.push(']');
            }
            Json::Object(entries) => {
                out.push('{');
                for (at, index) in self.order(entries.len()).into_iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    self.space(out);
                    self.text(out, &entries[index].0);
                    self.space(out);
                    out.push(':');
                    self.value(out, &entries[index].1);
                }
                self.space(out);
                out.push('}');
            }
        }
        self.space(out);
    }

    pub fn write(mut self, json: &Json) -> String {
        let mut out = String::new();
        self.value(&mut out, json);
        out
    }
}
