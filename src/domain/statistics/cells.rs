//! The cells of each histogram: their labels in a fixed public order, and which of them a row falls into.
//!
//! Labels never depend on the data. Where one is not in the list (an own typology), there is a cell for the rest.

use std::collections::BTreeSet;

use crate::base::kind::IdentifierKind;
use crate::domain::case::outcome::Outcome;
use crate::domain::feed::blob::sighting::SightingOutcome;
use crate::domain::indicator::typology::{Typology, TypologyList};
use crate::domain::screening::decision::Decision;
use crate::domain::statistics::question::Query;

/// Label of the typologies that the shipped list does not hold.
pub const OTHER: &str = "other";

impl Query {
    /// Labels of the cells in their public order. They do not depend on the data: an empty cell is noised like any other.
    pub fn categories(self) -> Vec<String> {
        match self {
            Self::PublishedIndicatorsByKind => IdentifierKind::ALL.map(|kind| kind.label().to_owned()).to_vec(),
            Self::PublishedIndicatorsByTypology => techniques().into_iter().chain([OTHER.to_owned()]).collect(),
            Self::OrdersByDecision => Decision::ALL.map(|decision| decision.label().to_owned()).to_vec(),
            Self::CasesByOutcome => Outcome::ALL.map(|outcome| outcome.label().to_owned()).to_vec(),
            Self::SightingsByKind => {
                let of_kind = |kind: IdentifierKind| {
                    SightingOutcome::ALL.map(|outcome| format!("{}:{}", kind.label(), outcome.label()))
                };
                IdentifierKind::ALL.into_iter().flat_map(of_kind).collect()
            }
        }
    }
}

/// The techniques of the shipped list, by id. What is a sub-technique there counts for its technique: fewer cells, in each of
/// which more stands out of the noise.
fn techniques() -> BTreeSet<String> {
    TypologyList::built_in().iter().map(|(typology, _)| technique(typology.as_str()).to_owned()).collect()
}

fn technique(id: &str) -> &str {
    id.split_once('.').map_or(id, |(technique, _)| technique)
}

/// Finds the cell of a typology.
#[derive(Debug)]
pub struct TypologyCells(Vec<String>);

impl Default for TypologyCells {
    fn default() -> Self {
        Self(techniques().into_iter().collect())
    }
}

impl TypologyCells {
    /// The cell for the rest where there is none.
    pub fn cell(&self, typology: &str) -> u32 {
        let known = Typology::well_formed(typology).ok().map(|typology| technique(typology.as_str()).to_owned());
        let place = known.and_then(|technique| self.0.binary_search(&technique).ok());
        number(place.unwrap_or(self.0.len()))
    }
}

pub fn kind_cell(kind: IdentifierKind) -> u32 {
    number(kind.ordinal())
}

pub fn decision_cell(decision: Decision) -> u32 {
    number(Decision::ALL.iter().position(|known| *known == decision).expect("every decision stands in ALL"))
}

pub fn outcome_cell(outcome: Outcome) -> u32 {
    number(Outcome::ALL.iter().position(|known| *known == outcome).expect("every outcome stands in ALL"))
}

pub fn sighting_cell(kind: IdentifierKind, outcome: SightingOutcome) -> u32 {
    let place = SightingOutcome::ALL.iter().position(|known| *known == outcome).expect("every outcome stands in ALL");
    number(kind.ordinal() * SightingOutcome::ALL.len() + place)
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fixed short lists")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(query: Query, cell: u32) -> String {
        query.categories()[usize::try_from(cell).expect("small")].clone()
    }

    #[test]
    fn every_row_falls_into_the_cell_of_its_label() {
        for kind in IdentifierKind::ALL {
            assert_eq!(label(Query::PublishedIndicatorsByKind, kind_cell(kind)), kind.label());
            for outcome in SightingOutcome::ALL {
                let expected = format!("{}:{}", kind.label(), outcome.label());
                assert_eq!(label(Query::SightingsByKind, sighting_cell(kind, outcome)), expected);
            }
        }
        for decision in Decision::ALL {
            assert_eq!(label(Query::OrdersByDecision, decision_cell(decision)), decision.label());
        }
        for outcome in Outcome::ALL {
            assert_eq!(label(Query::CasesByOutcome, outcome_cell(outcome)), outcome.label());
        }
    }

    #[test]
    fn a_typology_counts_for_its_technique_and_an_own_one_for_the_rest() {
        let cells = TypologyCells::default();
        let check = |typology: &str, expected: &str| {
            assert_eq!(label(Query::PublishedIndicatorsByTypology, cells.cell(typology)), expected, "{typology}");
        };
        for (typology, _) in TypologyList::built_in().iter() {
            check(typology.as_str(), technique(typology.as_str()));
        }
        check("T1110.004", "T1110");
        check("X1", OTHER);
        check("", OTHER);
        check("F9999.001", OTHER);
    }

    #[test]
    fn no_two_cells_of_a_question_have_one_label() {
        for query in Query::ALL {
            let labels = query.categories();
            assert_eq!(labels.iter().collect::<BTreeSet<_>>().len(), labels.len(), "{query}");
        }
    }
}
