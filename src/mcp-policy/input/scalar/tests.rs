use super::*;

fn number(text: &str) -> Value {
    Value::Number(text.to_owned())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn plain_scalars_mean_what_each_reader_makes_of_them() {
    use Value::{Bool, Null};
    for (scalar, core, envoy, kubernetes) in [
        ("", Null, Null, Null),
        ("~", Null, Null, Null),
        ("null", Null, Null, Null),
        ("nUll", text("nUll"), text("nUll"), text("nUll")),
        ("true", Bool(true), Bool(true), Bool(true)),
        ("TRUE", Bool(true), Bool(true), Bool(true)),
        ("tRue", text("tRue"), text("tRue"), text("tRue")),
        ("yes", text("yes"), Bool(true), Bool(true)),
        ("yEs", text("yEs"), text("yEs"), text("yEs")),
        ("y", text("y"), Bool(true), Bool(true)),
        ("Y", text("Y"), Bool(true), Bool(true)),
        ("n", text("n"), Bool(false), Bool(false)),
        ("Off", text("Off"), Bool(false), Bool(false)),
        ("1", number("1"), number("1"), number("1")),
        ("+1", number("1"), number("1"), number("1")),
        ("-0", number("-0"), number("0"), number("-0")),
        ("007", number("7"), number("7"), number("7")),
        ("017", number("17"), number("15"), number("15")),
        ("08", number("8"), text("08"), number("8")),
        ("0o17", number("15"), text("0o17"), number("15")),
        ("0x1F", number("31"), number("31"), number("31")),
        ("-0x1F", text("-0x1F"), number("-31"), number("-31")),
        ("0x", text("0x"), text("0x"), text("0x")),
        ("0x+1", text("0x+1"), text("0x+1"), text("0x+1")),
        ("0b11", text("0b11"), text("0b11"), number("3")),
        ("1_000", text("1_000"), text("1_000"), number("1000")),
        ("2147483647", number("2147483647"), number("2147483647"), number("2147483647")),
        ("2147483648", number("2147483648"), text("2147483648"), number("2147483648")),
        ("0x80000000", number("2147483648"), text("2147483648"), number("2147483648")),
        ("-2147483648", number("-2147483648"), number("-2147483648"), number("-2147483648")),
        (
            "9223372036854775808",
            number("9223372036854775808"),
            text("9223372036854775808"),
            number("9223372036854775808"),
        ),
        ("1.5", number("1.5"), text("1.5"), number("1.5")),
        (".5", number("0.5"), text(".5"), number("0.5")),
        ("1.", number("1"), text("1."), number("1")),
        ("-1.50", number("-1.50"), text("-1.50"), number("-1.50")),
        ("1e3", number("1e3"), text("1e3"), number("1e3")),
        ("1e", text("1e"), text("1e"), text("1e")),
        (".", text("."), text("."), text(".")),
        ("+", text("+"), text("+"), text("+")),
        ("1.2.3", text("1.2.3"), text("1.2.3"), text("1.2.3")),
        ("2001-01-01", text("2001-01-01"), text("2001-01-01"), text("2001-01-01")),
        ("12:30", text("12:30"), text("12:30"), text("12:30")),
        ("1٣", text("1٣"), text("1٣"), text("1٣")),
    ] {
        assert_eq!(Schema::Core.resolve(scalar, true, None), Ok(core), "{scalar} in the Core Schema");
        assert_eq!(Schema::Envoy.resolve(scalar, true, None), Ok(envoy), "{scalar} in Envoy");
        assert_eq!(Schema::Kubernetes.resolve(scalar, true, None), Ok(kubernetes), "{scalar} in Kubernetes");
        for schema in [Schema::Core, Schema::Envoy, Schema::Kubernetes] {
            assert_eq!(schema.resolve(scalar, false, None), Ok(text(scalar)), "{scalar} in quotes");
        }
    }
}

#[test]
fn a_tag_says_what_a_scalar_is() {
    let yaml = |kind: &str| format!("{YAML_TAG}{kind}");
    let wrong = Err(());
    for (scalar, plain, tag, core, envoy) in [
        ("3", true, yaml("str"), Ok(text("3")), number("3")),
        ("3", false, yaml("str"), Ok(text("3")), number("3")),
        ("3", true, "!".to_owned(), Ok(text("3")), text("3")),
        ("yes", true, yaml("bool"), wrong.clone(), Value::Bool(true)),
        ("3", false, yaml("int"), Ok(number("3")), number("3")),
        ("3.5", true, yaml("int"), wrong.clone(), text("3.5")),
        ("null", true, yaml("str"), Ok(text("null")), text("null")),
        ("x", true, yaml("null"), wrong.clone(), text("x")),
        ("x", true, "!own".to_owned(), wrong.clone(), text("x")),
        ("no", true, "!own".to_owned(), wrong, Value::Bool(false)),
    ] {
        let read = Schema::Core.resolve(scalar, plain, Some(&tag));
        assert_eq!(read.map_err(|_| ()), core, "{tag} {scalar} in the Core Schema");
        assert_eq!(Schema::Envoy.resolve(scalar, plain, Some(&tag)), Ok(envoy), "{tag} {scalar} in Envoy");
    }
}

#[test]
fn a_number_that_json_cannot_hold_is_an_error() {
    for scalar in [".inf", "-.inf", ".NaN"] {
        assert!(Schema::Core.resolve(scalar, true, None).is_err(), "{scalar}");
        assert!(Schema::Kubernetes.resolve(scalar, true, None).is_err(), "{scalar}");
        assert_eq!(Schema::Envoy.resolve(scalar, true, None), Ok(text(scalar)), "{scalar}");
    }
}
