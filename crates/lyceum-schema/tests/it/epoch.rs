//! Epochs: which instant is in which, how they are written, and sets of them.

use lyceum_schema::epoch::{Epoch, EpochSpan, Epochs, Every, MICROS_PER_DAY};

fn epoch(text: &str) -> Epoch {
    text.parse().unwrap()
}

fn span(first: &str, last: &str) -> Epochs {
    EpochSpan::new(epoch(first), epoch(last)).unwrap().into()
}

fn jiff_day(day: i64) -> jiff::civil::Date {
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap()
}

#[test]
fn days_are_in_the_epochs_that_the_calendar_says() {
    // Every 61st day of the years 1 to 9999, and the days around all ends of months in this century.
    let all = (-719_162..=2_932_896).step_by(61).chain(10_900..47_500);
    for day in all {
        let date = jiff_day(day);
        let month = Every::Month.of_day(day).unwrap();
        assert_eq!(month.to_string(), format!("{:04}-{:02}", date.year(), date.month()));
        assert_eq!(jiff_day(month.first_day()), date.first_of_month());
        assert_eq!(jiff_day(month.last_day()), date.last_of_month());
        let week = Every::Week.of_day(day).unwrap();
        let iso = date.iso_week_date();
        // The week of 0001-01-01 began on it; that of 9999-12-31 is still of 9999.
        assert_eq!(week.to_string(), format!("{:04}-W{:02}", iso.year(), iso.week()));
        assert_eq!(day - week.first_day(), i64::from(iso.weekday().to_monday_zero_offset()));
        assert_eq!(Every::Day.of_day(day).unwrap().to_string(), date.to_string());
        for epoch in [month, week, Every::Day.of_day(day).unwrap()] {
            assert_eq!(epoch.to_string().parse::<Epoch>().unwrap(), epoch);
        }
    }
    assert_eq!(Every::Day.of_day(-719_163), None);
    assert_eq!(Every::Month.of_day(2_932_897), None);
}

#[test]
fn an_instant_is_in_the_epoch_of_its_day() {
    let midnight = epoch("2026-03-01").first_day() * MICROS_PER_DAY;
    assert_eq!(Every::Month.of_micros(midnight), Some(epoch("2026-03")));
    assert_eq!(Every::Month.of_micros(midnight - 1), Some(epoch("2026-02")));
    assert_eq!(Every::Week.of_micros(midnight), Some(epoch("2026-W09")));
    assert_eq!(Every::Day.of_micros(-1), Some(epoch("1969-12-31")));
    assert_eq!(Every::Day.of_micros(i64::MIN), None);
}

#[test]
fn an_epoch_has_one_spelling() {
    for wrong in
        ["2026-13", "2026-00", "2026-3", "2026-02-30", "2025-W53", "2026-W0", "2026", "+026-01", "2026-01-", "", "a-b"]
    {
        assert!(wrong.parse::<Epoch>().is_err(), "{wrong}");
    }
    assert!("2026-W53".parse::<Epoch>().is_ok());
    let month = epoch("2026-03");
    assert_eq!(serde_json::to_string(&month).unwrap(), "\"2026-03\"");
    assert_eq!(serde_json::from_str::<Epoch>("\"2026-03\"").unwrap(), month);
}

#[test]
fn sets_are_joined_into_their_one_spelling() {
    let spring = span("2026-03", "2026-05");
    assert_eq!(spring.count(), 3);
    assert_eq!(spring.to_string(), "3 months: 2026-03 … 2026-05");
    assert_eq!(span("2026-03", "2026-03").to_string(), "1 month: 2026-03");
    assert_eq!(spring.union(&span("2026-06", "2026-07")).unwrap(), span("2026-03", "2026-07"));
    assert_eq!(spring.union(&span("2026-04", "2026-04")).unwrap(), spring);
    assert_eq!(spring.union(&Epochs::NONE).unwrap(), spring);
    let two = span("2026-08", "2026-08").union(&spring).unwrap();
    assert_eq!(two.to_string(), "4 months: 2026-03 … 2026-05, 2026-08");
    assert!(two.contains(epoch("2026-08")) && !two.contains(epoch("2026-07")));
    assert_eq!(two.iter().map(|e| e.to_string()).collect::<Vec<_>>(), ["2026-03", "2026-04", "2026-05", "2026-08"]);
    assert_eq!(spring.union(&span("2026-W01", "2026-W01")), None);
    assert_eq!(EpochSpan::new(epoch("2026-05"), epoch("2026-03")), None);
}

#[test]
fn a_set_is_read_in_its_one_spelling_only() {
    let two = span("2026-03", "2026-05").union(&span("2026-08", "2026-08")).unwrap();
    let text = serde_json::to_string(&two).unwrap();
    assert_eq!(text, r#"[{"first":"2026-03","last":"2026-05"},{"first":"2026-08","last":"2026-08"}]"#);
    assert_eq!(serde_json::from_str::<Epochs>(&text).unwrap(), two);
    for wrong in [
        r#"[{"first":"2026-05","last":"2026-03"}]"#,
        r#"[{"first":"2026-03","last":"2026-05"},{"first":"2026-06","last":"2026-08"}]"#,
        r#"[{"first":"2026-08","last":"2026-08"},{"first":"2026-03","last":"2026-05"}]"#,
        r#"[{"first":"2026-03","last":"2026-W20"}]"#,
        r#"[{"first":"2026-01","last":"2026-01"},{"first":"2026-03-01","last":"2026-03-02"}]"#,
    ] {
        assert!(serde_json::from_str::<Epochs>(wrong).is_err(), "{wrong}");
    }
}
