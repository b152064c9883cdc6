//! Filling in the templates of a mail. They are compiled and checked when a playbook is published; here they get values,
//! which are text in whatever they stand: what looks like a template or like markup in a value is not.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

/// What a template may use up, in minijinja's instructions: many times what the largest mail needs.
const FUEL: u64 = 200_000;

/// Values by name.
pub type Values = BTreeMap<String, Value>;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// As they are.
    Text,
    /// With what HTML gives a meaning made harmless.
    Html,
}

/// A template with its values. A field that has none is an error, so that no mail goes out with a hole where nobody
/// thought of one.
///
/// # Errors
/// If the template cannot be read, uses too much, or asks for what has no value.
pub fn filled(template: &str, syntax: Syntax, values: &Values) -> Result<String, minijinja::Error> {
    environment(syntax).render_str(template, Value::from(values.clone()))
}

/// Whether a template can be read.
///
/// # Errors
/// Why not.
pub fn read(template: &str) -> Result<(), minijinja::Error> {
    environment(Syntax::Text).template_from_str(template).map(drop)
}

fn environment<'t>(syntax: Syntax) -> Environment<'t> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| match syntax {
        Syntax::Text => AutoEscape::None,
        Syntax::Html => AutoEscape::Html,
    });
    // What is empty is as good as unknown, other than in minijinja's own filter.
    environment.add_filter("default", |value: Value, other: Value| if value.is_true() { value } else { other });
    environment
}

/// Markup made by michi itself, which stands in HTML as it is.
#[must_use]
pub fn markup(html: String) -> Value {
    Value::from_safe_string(html)
}

/// Text with what HTML gives a meaning made harmless, also between double quotes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, syntax: Syntax, name: &str, wanted: &str) {
        let values = Values::from([("name".to_owned(), Value::from(name))]);
        assert_eq!(filled(template, syntax, &values).unwrap(), wanted, "{template}");
    }

    #[test]
    fn a_value_is_text_wherever_it_stands() {
        for hostile in ["{{7*7}}", "{% if x %}", "<script>alert(1)</script>", "\"><img src=x>", "{{ name }}"] {
            check("Dear {{ name }}!", Syntax::Text, hostile, &format!("Dear {hostile}!"));
            let html = filled("{{ name }}", Syntax::Html, &Values::from([("name".to_owned(), hostile.into())])).unwrap();
            assert!(!html.contains(['<', '>', '"']), "{html}");
        }
        assert_eq!(escaped("a&b=\"<c>\""), "a&amp;b=&quot;&lt;c&gt;&quot;");
    }

    #[test]
    fn what_is_empty_is_as_good_as_unknown() {
        let greeting = "{{ name | default(\"there\") }}{% if name %}, {{ name }}{% endif %} {{ name or \"you\" }}";
        check(greeting, Syntax::Text, "", "there you");
        check(greeting, Syntax::Text, "Ann", "Ann, Ann Ann");
    }

    #[test]
    fn nothing_unknown_and_nothing_endless_is_filled_in() {
        let values = Values::new();
        for template in ["{{ name }}", "{% if name %}x{% endif %}", "{{ 7 * }}", "{% include \"x\" %}", "{{ range(3) }}"] {
            assert!(filled(template, Syntax::Text, &values).is_err(), "{template}");
        }
        let long = "{{ 1 }}".repeat(200_000);
        assert!(filled(&long, Syntax::Text, &values).is_err());
    }
}
