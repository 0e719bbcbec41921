//! Names that look like money, and names of tools that spend none.

/// Words for money that can be spent.
const MONEY: [&str; 30] = [
    "amount", "amounts", "price", "prices", "cost", "costs", "total", "subtotal", "budget", "fee", "fees",
    "usd", "eur", "gbp", "dollar", "dollars", "euro", "euros", "cents", "cent", "money", "spend", "spending",
    "payment", "bid", "bounty", "tip", "salary", "donation", "refund",
];

/// Words beside which such a word means something else: a count, a filter, a weight.
const OTHERS: [&str; 20] = [
    "count",
    "number",
    "num",
    "items",
    "pages",
    "page",
    "results",
    "tokens",
    "bytes",
    "size",
    "rows",
    "days",
    "hours",
    "minutes",
    "seconds",
    "percent",
    "percentage",
    "ratio",
    "index",
    "id",
];

/// Words that make a filter of a price.
const FILTERS: [&str; 10] =
    ["min", "max", "minimum", "maximum", "from", "to", "above", "below", "lower", "upper"];

/// First words of tools that look at something and spend nothing.
const READS: [&str; 24] = [
    "get",
    "list",
    "search",
    "find",
    "read",
    "fetch",
    "lookup",
    "query",
    "convert",
    "calculate",
    "compute",
    "estimate",
    "compare",
    "describe",
    "show",
    "view",
    "check",
    "validate",
    "format",
    "parse",
    "analyze",
    "quote",
    "preview",
    "simulate",
];

/// Splits a name into words in lower case, at punctuation and at the humps of camel case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in name.chars() {
        let begins = !char.is_alphanumeric() || char.is_uppercase() && was_lower;
        if begins {
            words.push(String::new());
        }
        was_lower = char.is_lowercase() || char.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Tells whether the name of a number looks like money that a call spends.
pub fn is_money(name: &str) -> bool {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_filter = has(&["price", "prices"]) && has(&FILTERS);
    has(&MONEY) && !has(&OTHERS) && !is_filter
}

/// Tells whether the name of a tool says that it only looks at something.
pub fn only_reads(tool: &str) -> bool {
    words(tool).first().is_some_and(|first| READS.contains(&first.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_told_by_its_name() {
        for (name, expected) in [
            ("amount", true),
            ("amountUsd", true),
            ("total_cost", true),
            ("max_budget_usd", true),
            ("unitPrice", true),
            ("bid", true),
            ("total", true),
            ("total_count", false),
            ("totalPages", false),
            ("max_price", false),
            ("price_from", false),
            ("accountId", false),
            ("discount", false),
            ("feedback", false),
            ("quantity", false),
            ("max_tokens", false),
        ] {
            assert_eq!(is_money(name), expected, "{name}");
        }
    }

    #[test]
    fn a_tool_that_only_looks_is_told_by_its_first_word() {
        for (tool, expected) in [
            ("get_price", true),
            ("searchOffers", true),
            ("convert_currency", true),
            ("buy", false),
            ("getaway_booking", false),
            ("pay_invoice", false),
        ] {
            assert_eq!(only_reads(tool), expected, "{tool}");
        }
    }
}
