"""Functions that a query may call, by the names that each database knows them under.

Left out on purpose: what has an effect (sequences, locks, settings), what waits, reads files or the network, or tells
of the server; what makes rows or long texts of nothing (generate_series, repeat); regular expressions, whose time
nobody can foresee; and JSON and XML, whose functions can do several of these.
"""

from __future__ import annotations

from collections.abc import Mapping

from querying.types import Dialect


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AGGREGATES = frozenset(["count", "sum", "avg", "min", "max"])
_WINDOW = _names("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value")
_TEXT = frozenset(["lower", "upper", "trim", "ltrim", "rtrim", "replace"])
_MATH = _names(
    """
        abs round floor sqrt power sign exp log log10 pi degrees radians sin cos tan asin acos atan
        """
)
_CONDITIONAL = frozenset(["coalesce", "nullif"])
_COMMON = _AGGREGATES | _WINDOW | _TEXT | _MATH | _CONDITIONAL
_SPREAD = frozenset(["stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"])

ALLOWED: Mapping[Dialect, frozenset[str]] = {
    "postgres": _COMMON
    | _SPREAD
    | _names(
        """
        array_agg string_agg bool_and bool_or every mode percentile_cont percentile_disc corr covar_pop
        covar_samp regr_slope regr_intercept regr_r2 nth_value length char_length character_length btrim initcap
        concat concat_ws left right split_part strpos substr reverse starts_with translate ascii chr to_char
        to_number lpad rpad ceil ceiling trunc mod div ln cbrt greatest least width_bucket now
        date_trunc date_part age to_date to_timestamp make_date make_interval make_timestamp date_bin
        justify_days justify_hours justify_interval isfinite timezone array_length cardinality array_to_string
        grouping
        """
    ),
    "mysql": _COMMON
    | _SPREAD
    | _names(
        """
        group_concat std bit_count nth_value any_value length char_length character_length concat concat_ws left
        right substr mid locate instr reverse lcase ucase ascii field elt strcmp substring_index lpad rpad ceil
        ceiling truncate mod ln log2 greatest least if ifnull isnull now curdate curtime current_date
        current_timestamp sysdate utc_date utc_timestamp utc_time date time timestamp year quarter month week
        weekofyear weekday day dayofmonth dayofweek dayofyear dayname monthname hour minute second yearweek
        last_day date_format time_format str_to_date datediff timediff timestampdiff timestampadd date_add
        date_sub adddate subdate makedate maketime from_unixtime unix_timestamp period_diff period_add
        sec_to_time time_to_sec to_days from_days convert_tz format grouping
        """
    ),
    "sqlite": _COMMON
    | _names(
        """
        total group_concat string_agg nth_value length substr substring instr concat concat_ws unicode char
        ceil ceiling trunc mod ln log2 pow iif if ifnull date time datetime julianday strftime unixepoch
        timediff typeof
        """
    ),
    "tsql": _COMMON
    | _names(
        """
        count_big string_agg stdev stdevp var varp percentile_cont percentile_disc approx_count_distinct grouping
        grouping_id len datalength left right substring concat concat_ws charindex reverse ascii char nchar
        unicode translate str ceiling square atn2 log greatest least isnull iif choose getdate getutcdate
        sysdatetime sysutcdatetime current_timestamp datepart datename dateadd datediff datediff_big datetrunc
        year month day eomonth datefromparts datetimefromparts datetime2fromparts timefromparts isdate isnumeric
        format
        """
    ),
    "duckdb": _COMMON
    | _SPREAD
    | _names(
        """
        string_agg group_concat listagg array_agg list bool_and bool_or median mode quantile quantile_cont
        quantile_disc percentile_cont percentile_disc approx_count_distinct approx_quantile arg_min arg_max
        min_by max_by any_value first last count_if sum_no_overflow fsum favg kahan_sum corr covar_pop covar_samp
        regr_slope regr_intercept regr_r2 nth_value grouping length char_length character_length concat concat_ws
        left right substr substring split_part strpos instr reverse starts_with ends_with prefix suffix contains
        translate ascii chr lpad rpad strip_accents lcase ucase position ceil ceiling trunc mod ln log2 pow cbrt
        greatest least even isnan isfinite ifnull if now today current_date date_trunc datetrunc date_part
        datepart date_diff datediff date_sub datesub date_add age strftime strptime try_strptime make_date
        make_time make_timestamp year quarter month week weekofyear weekday isodow isoyear yearweek day
        dayofmonth dayofweek dayofyear dayname monthname hour minute second epoch last_day time_bucket to_days
        to_months to_years to_weeks to_hours to_minutes to_seconds len array_to_string list_count to_timestamp
        """
    ),
}
"""Lower case; none of them is known to sqlglot by itself (querying.guard.dialects)."""

UNIT_FIRST: Mapping[Dialect, frozenset[str]] = {
    "mysql": frozenset({"timestampdiff", "timestampadd"}),
    "tsql": frozenset({"datepart", "datename", "dateadd", "datediff", "datediff_big", "datetrunc"}),
}
"""Whose first argument is a bare unit, such as `month`, which looks like a column."""

UNITS = _names(
    """
        microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day days week
        weeks month months quarter quarters year years decade century dow isodow doy epoch isoyear iso_week isowk
        isoww weekday dw dayofyear dy ww wk mm m dd d yy yyyy qq q hh mi n ss s ms mcs weekofyear dayofmonth
        dayofweek nanosecond yearweek year_month day_hour day_minute day_second hour_minute hour_second
        minute_second
        """
)

PADDING = frozenset({"lpad", "rpad"})
MOST_PADDED = 200
"""Characters that lpad and rpad may fill up to."""

AS_LITERALS: Mapping[str, tuple[int, ...]] = {
    "to_char": (1,),
    "to_number": (1,),
    "format": (1,),
    "lpad": (1, 2),
    "rpad": (1, 2),
    "replace": (1, 2),
    "translate": (1, 2),
}
"""Arguments (from 0) that must be written out, so that what comes of them has a bound."""

COUNT_STAR = frozenset({"count", "count_big"})
