//! Populations: id-spaces of privacy units, each with caps that are set once, for all time or for each epoch.

use super::authorise;
use crate::actor::Actor;
use crate::app::App;
use crate::authz::{Action, acts_for};
use crate::error::{Error, Result};
use crate::model::PopulationRecord;
use lyceum_audit::event::EventKind;
use lyceum_privacy::accounting;
use lyceum_privacy::{Budget, Delta};
use lyceum_schema::id::PopulationId;
use lyceum_schema::name::PopulationName;
use lyceum_schema::state::Role;
use lyceum_schema::wire;

/// Declares a population. Its δ is split once: half to convert ρ into ε, half for key selections.
///
/// # Errors
/// [`Error::Forbidden`] for another organisation, [`Error::Invalid`] for caps that promise nothing (ε outside
/// (0, 1000], δ above 1/(10 × size)), [`Error::Exists`], storage.
pub async fn create(app: &App, actor: &Actor, request: wire::CreatePopulation) -> Result<wire::Population> {
    authorise(actor, Action::CreatePopulation)?;
    let organisation = request.organisation.clone().unwrap_or_else(|| actor.organisation().clone());
    if actor.user.role != Role::Admin && !acts_for(actor, &organisation) {
        return Err(Error::Forbidden { reason: "partners declare populations of their own organisation only" });
    }
    let record = declare(request, organisation)?;
    let event = EventKind::PopulationCreated {
        population: record.id,
        name: record.name.clone(),
        epsilon: record.epsilon.clone(),
        delta: record.delta.clone(),
        delta_conversion: record.delta_conversion,
        declared_size: record.declared_size,
        cap_rho: record.cap.rho.0,
        cap_delta: record.cap.delta.0,
        epoch: record.epoch,
    };
    app.ledger.create_population(record.clone(), app.event(Some(actor), None, event)).await?;
    Ok(shape(record))
}

/// The populations of the actor's organisation; all of them for an administrator.
///
/// # Errors
/// [`Error::Forbidden`], storage.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<wire::Population>> {
    authorise(actor, Action::ReadPopulations)?;
    let records = app.ledger.populations().await?;
    Ok(records.into_iter().filter(|p| may_see(actor, p)).map(shape).collect())
}

/// A population that the actor may see.
pub(crate) async fn visible(app: &App, actor: &Actor, name: &PopulationName) -> Result<PopulationRecord> {
    authorise(actor, Action::ReadPopulations)?;
    let record = app.ledger.population(name).await?.filter(|p| may_see(actor, p));
    record.ok_or_else(|| Error::not_found("population", name))
}

fn may_see(actor: &Actor, population: &PopulationRecord) -> bool {
    actor.user.role == Role::Admin || acts_for(actor, &population.organisation)
}

#[allow(clippy::cast_precision_loss)]
fn declare(
    request: wire::CreatePopulation,
    organisation: lyceum_schema::name::OrganisationName,
) -> Result<PopulationRecord> {
    if !(request.epsilon > 0.0 && request.epsilon <= 1_000.0) {
        return Err(Error::invalid("epsilon must be more than 0 and at most 1000", "a usual epsilon is 1 to 4"));
    }
    if request.size == 0 {
        return Err(Error::invalid("size must be at least 1", "say about how many privacy units there are"));
    }
    let largest = 0.1 / request.size as f64;
    if !(request.delta > 0.0 && request.delta <= largest) {
        return Err(Error::invalid(
            format!("delta must be more than 0 and at most 1/(10 × size) = {largest:e}"),
            "a usual delta is 1e-9; with a larger one, a single person could be shown in full",
        ));
    }
    let (conversion, selection) = accounting::split_delta(request.delta);
    let conversion = Delta::round_down(conversion);
    let rho = accounting::rho_for(request.epsilon, conversion.as_f64());
    if rho.0 == 0 || selection.0 == 0 {
        return Err(Error::invalid("epsilon and delta are too small to allow any question", "raise one of them"));
    }
    Ok(PopulationRecord {
        id: PopulationId::generate(),
        name: request.name,
        organisation,
        epsilon: request.epsilon.to_string(),
        delta: decimal(request.delta),
        delta_conversion: conversion.0,
        declared_size: request.size,
        cap: Budget { rho, delta: selection },
        epoch: request.epoch,
    })
}

/// A small number as people write it: `1e-9` rather than `0.000000001`.
fn decimal(value: f64) -> String {
    if value < 1e-3 { format!("{value:e}") } else { value.to_string() }
}

fn shape(record: PopulationRecord) -> wire::Population {
    wire::Population {
        id: record.id,
        name: record.name,
        organisation: record.organisation,
        epsilon: record.epsilon,
        delta: record.delta,
        size: record.declared_size,
        cap_rho: record.cap.rho.0,
        cap_delta: record.cap.delta.0,
        epoch: record.epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(epsilon: f64, delta: f64, size: u64) -> Result<PopulationRecord> {
        let name = PopulationName::new("shop-customers").expect("a name");
        let organisation = lyceum_schema::name::OrganisationName::new("shop").expect("a name");
        declare(wire::CreatePopulation { name, organisation: None, epsilon, delta, size, epoch: None }, organisation)
    }

    #[test]
    fn the_parts_of_delta_and_the_cap_keep_the_promise() {
        let record = request(2.0, 1e-9, 64_000).expect("declares");
        assert_eq!((record.epsilon.as_str(), record.delta.as_str()), ("2", "1e-9"));
        assert!(record.delta_conversion + record.cap.delta.0 <= 1_000_000_000);
        let spent = accounting::epsilon(record.cap.rho, Delta(record.delta_conversion).as_f64());
        assert!(spent <= 2.0 && spent > 1.999, "{spent}");
    }

    #[test]
    fn caps_that_promise_nothing_are_refused() {
        for (epsilon, delta, size) in
            [(0.0, 1e-9, 10), (f64::NAN, 1e-9, 10), (1e9, 1e-9, 10), (1.0, 0.0, 10), (1.0, 1e-3, 1_000), (1.0, 1e-9, 0)]
        {
            assert!(matches!(request(epsilon, delta, size), Err(Error::Invalid { .. })), "{epsilon} {delta} {size}");
        }
    }
}
