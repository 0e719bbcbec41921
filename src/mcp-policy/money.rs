//! Names that look like money, and names of tools that spend none.

use crate::words;

/// Words for a sum of money.
const SUMS: &str = "amount amounts price prices cost costs total subtotal budget fee fees usd eur gbp dollar dollars euro \
                    euros cents cent money spend spending payment bid bounty reward tip salary donation refund";

/// Words beside which such a word means something else: a count, a filter, a weight.
const NO_SUMS: &str = "count number num items pages page results tokens bytes size rows days hours minutes seconds percent \
                       percentage ratio index id scroll pixels";

/// Words that make a filter of a price.
const FILTERS: &str = "min max minimum maximum from to above below lower upper";

/// First words of tools that look at something and spend nothing.
const READS: &str = "get list search find read fetch lookup query convert calculate compute estimate compare describe show \
                     view check validate format parse analyze quote preview simulate";

fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Returns whether the name of a number looks like money that a call spends.
pub fn is_money(name: &str) -> bool {
    let words = words::of_name(name);
    let has = |list: &str| words.iter().any(|word| is_in(list, word));
    let is_filter = has("price prices") && has(FILTERS);
    has(SUMS) && !has(NO_SUMS) && !is_filter
}

/// Returns whether the name of a tool says that it only looks at something.
pub fn only_reads(tool: &str) -> bool {
    words::of_name(tool).first().is_some_and(|first| is_in(READS, first))
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
