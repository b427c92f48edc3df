//! Lodestone: find the DNA variant behind a patient's rare disease, discuss it, classify it and report it.
//!
//! The folders are the product's parts. `genome`, `vcf`, `pedigree`, `ranking` and `variants::columns` are pure: they
//! know neither web nor database. Features (`institutes`, `cases`, `variants`, …) hold their documents, stores and pages;
//! `web`, `auth`, `audit` and `db` serve them all.

pub mod addresses;
pub mod api;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod cases;
pub mod casework;
pub mod cli;
pub mod clock;
pub mod comments;
pub mod config;
pub mod consent;
pub mod db;
pub mod decisions;
pub mod demo;
pub mod emergency;
pub mod error;
pub mod events;
pub mod genes;
pub mod genome;
pub mod ids;
pub mod institutes;
pub mod mail;
pub mod my_work;
pub mod panels;
pub mod pedigree;
pub mod ranking;
pub mod research;
pub mod restriction;
pub mod saved_filters;
pub mod sharing;
pub mod timeline;
pub mod users;
pub mod validate;
pub mod variants;
pub mod vcf;
pub mod visits;
pub mod web;

#[cfg(test)]
mod test_data;
