//! The list of all trials of [`Cmdb`].

use std::sync::Arc;

use dip_core::conformance::Trial;
use dip_core::conformance::expect::trials;

use super::harness::CmdbHarness;
use super::{native::*, records::*};
#[cfg(doc)]
use crate::provider::Cmdb;

/// The trials that a provider of [`Cmdb`] must pass.
#[must_use]
pub fn cmdb(harness: Arc<dyn CmdbHarness>) -> Vec<Trial> {
    trials![harness;
        a_record_that_was_never_made_is_absent
        a_read_right_after_a_write_sees_it
        writing_twice_is_once
        a_changed_record_replaces_the_former
        what_others_wrote_in_a_record_is_kept
        a_removed_record_is_gone
        removing_what_is_absent_is_no_error
        a_record_of_another_site_is_a_conflict
        a_record_without_a_mark_is_a_conflict
        the_list_tells_whose_each_is
        a_claimed_record_becomes_ours_and_can_be_given_back
        a_record_that_is_held_by_another_than_the_claim_says_is_a_conflict
        interfaces_are_kept_with_the_record
        interfaces_and_addresses_are_in_the_own_fields_of_the_cmdb
        a_changed_address_takes_the_place_of_the_former
        an_interface_that_is_there_is_filled_and_emptied_again
        a_mac_address_that_somebody_typed_is_a_conflict_and_told_before
        an_address_of_another_machine_is_a_conflict_and_told_before
        a_mac_address_that_was_changed_by_hand_is_seen_and_mended
        what_people_added_to_a_node_stays_when_it_goes
        wrong_credentials_are_denied
        a_dead_server_is_unreachable
        a_cancelled_call_can_be_looked_at_and_made_again
    ]
}
