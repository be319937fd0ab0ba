//! Screening: one question about one transaction, answered from memory.
//!
//! [`screen`] turns raw identifiers into pseudonyms, looks them up in belief, opens what it finds and lets the [`policy`]
//! decide. It is a pure function of its arguments: the same transaction, belief, keys, lists and time give the same answer,
//! reason by reason, which is what makes an answer explainable later. What belief says
//! only later of an order that passed is [`late`].

pub mod advice;

pub mod answer;

pub mod brake;

pub mod confidence;

pub mod customer;

pub mod decision;

pub mod demands;

pub mod experience;

pub mod finding;

pub mod freshness;

pub mod inquiry;

pub mod language;

pub mod late;

pub mod matching;

pub mod own_lists;

pub mod policy;

pub mod reference;

pub mod screen;

pub mod traffic;

pub mod transaction;
