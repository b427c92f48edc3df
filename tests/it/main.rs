//! What the product promises, shown on the real server over the real database protocol.
//!
//! Run by `make test`, which starts a database; each test has a database of its own in it.

mod support;

mod access;
mod account;
mod address_rules;
mod addresses;
mod admin_api;
mod audit;
mod audit_chain;
mod audit_flags;
mod audit_removal;
mod audit_review;
mod backup;
mod bad_input;
mod break_glass;
mod cases_page;
mod casework;
mod comments;
mod decisions;
mod dismissing;
mod elevation;
mod embedded;
mod filters;
mod find;
mod guests;
mod history;
mod http;
mod institutes_admin;
mod isolation;
mod kept;
mod loading;
mod members;
mod migrations;
mod my_work;
mod outage;
mod pages;
mod panics;
mod passkeys;
mod process;
mod provider;
mod providers_health;
mod rates;
mod reference;
mod reloading;
mod settings;
mod sharing;
mod sign_in;
mod sign_in_abuse;
mod timeline;
mod tokens;
mod trio;
mod users;
mod validate;
mod wire_spy;
