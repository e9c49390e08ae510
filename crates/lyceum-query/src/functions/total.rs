//! The names of all total functions.

/// The functions and how plans print them.
macro_rules! totals {
    ($($(#[$note:meta])* $variant:ident = $name:literal,)*) => {
        /// A total function. Parameters that must be literals are among the arguments, so that plans print completely.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Total {
            $($(#[$note])* $variant,)*
        }

        impl Total {
            /// The name in plans.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Every function.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

totals! {
    // Operators; dates and timestamps are computed with as days and microseconds.
    Add = "total_add",
    Subtract = "total_subtract",
    Multiply = "total_multiply",
    Divide = "total_divide",
    Modulo = "total_modulo",
    Negate = "total_negate",
    BitAnd = "total_bit_and",
    BitOr = "total_bit_or",
    BitXor = "total_bit_xor",
    ShiftLeft = "total_shift_left",
    ShiftRight = "total_shift_right",
    // Numbers.
    Abs = "total_abs",
    Sign = "total_sign",
    Round = "total_round",
    Truncate = "total_trunc",
    Floor = "total_floor",
    Ceil = "total_ceil",
    Sqrt = "total_sqrt",
    Cbrt = "total_cbrt",
    Exp = "total_exp",
    Ln = "total_ln",
    Log10 = "total_log10",
    Log2 = "total_log2",
    Log = "total_log",
    Power = "total_power",
    Sin = "total_sin",
    Cos = "total_cos",
    Tan = "total_tan",
    Cot = "total_cot",
    Asin = "total_asin",
    Acos = "total_acos",
    Atan = "total_atan",
    Atan2 = "total_atan2",
    Sinh = "total_sinh",
    Cosh = "total_cosh",
    Tanh = "total_tanh",
    Asinh = "total_asinh",
    Acosh = "total_acosh",
    Atanh = "total_atanh",
    Degrees = "total_degrees",
    Radians = "total_radians",
    Gcd = "total_gcd",
    Lcm = "total_lcm",
    Factorial = "total_factorial",
    IsZero = "total_iszero",
    IsNan = "total_isnan",
    WidthBucket = "total_width_bucket",
    Least = "total_least",
    Greatest = "total_greatest",
    // Texts.
    Length = "total_length",
    OctetLength = "total_octet_length",
    BitLength = "total_bit_length",
    Lower = "total_lower",
    Upper = "total_upper",
    Initcap = "total_initcap",
    Reverse = "total_reverse",
    Substring = "total_substr",
    Left = "total_left",
    Right = "total_right",
    Trim = "total_trim",
    TrimStart = "total_ltrim",
    TrimEnd = "total_rtrim",
    StartsWith = "total_starts_with",
    EndsWith = "total_ends_with",
    Contains = "total_contains",
    Position = "total_strpos",
    Concat = "total_concat",
    ConcatWith = "total_concat_ws",
    Like = "total_like",
    LikeAnyCase = "total_ilike",
    Ascii = "total_ascii",
    Chr = "total_chr",
    ToHex = "total_to_hex",
    Encode = "total_encode",
    Repeat = "total_repeat",
    PadStart = "total_lpad",
    PadEnd = "total_rpad",
    Replace = "total_replace",
    Translate = "total_translate",
    Overlay = "total_overlay",
    SplitPart = "total_split_part",
    SubstringIndex = "total_substr_index",
    FindInSet = "total_find_in_set",
    Levenshtein = "total_levenshtein",
    // Regular expressions: the pattern is a literal, its flags are put in front of it.
    RegexLike = "total_regexp_like",
    RegexCount = "total_regexp_count",
    RegexPosition = "total_regexp_instr",
    /// The first match is replaced.
    RegexReplace = "total_regexp_replace",
    /// All matches are replaced.
    RegexReplaceAll = "total_regexp_replace_all",
    // Dates and timestamps.
    DatePart = "total_date_part",
    DateTrunc = "total_date_trunc",
    /// `date_bin(x, months, microseconds, origin)`: one of the two lengths is 0.
    DateBin = "total_date_bin",
    AddInterval = "total_add_interval",
    MakeDate = "total_make_date",
    /// `from_epoch(x, multiply, divide)`: microseconds of an integer; nanoseconds first of a float.
    FromEpoch = "total_from_epoch",
    /// Whole seconds since 1970, towards zero.
    ToUnixTime = "total_to_unixtime",
    /// `to_char(x, format)`.
    Format = "total_to_char",
    /// `parse(text, format)` to a date or timestamp.
    Parse = "total_parse",
    // What certification puts in.
    /// To the function's own kind; the second and third argument are the range for narrower integers.
    Cast = "total_cast",
    /// `decimal(x, scale, limit)`: rounds to `scale` digits; NULL unless smaller than the limit.
    Decimal = "total_decimal",
    /// `within(x, low, high)`: clamps to a declared interval.
    Within = "total_within",
    /// `fixed(x, exponent, low, high, centre)`: grid units, clamped, minus the centre.
    Fixed = "total_fixed",
}

impl Total {
    /// Whether the second argument is a regular expression.
    pub(super) const fn has_pattern(self) -> bool {
        matches!(
            self,
            Self::RegexLike | Self::RegexCount | Self::RegexPosition | Self::RegexReplace | Self::RegexReplaceAll
        )
    }
}
