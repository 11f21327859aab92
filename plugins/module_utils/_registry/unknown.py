# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is assumed of an implementation that is not known."""

from __future__ import annotations

from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes

READING_ONLY = Capabilities(
    writes=False,
    ids_in=None,
    ids_at_once=False,
    forced_import=False,
    modes=frozenset(),
    contexts=False,
    references_across_contexts=False,
    references_to_soft_deleted=False,
    floating_references=True,
    reference_types=frozenset({"AVRO", "JSON", "PROTOBUF"}),
    register_keeps_metadata=False,
    register_keeps_rule_sets=False,
    import_keeps_metadata=False,
    import_keeps_rule_sets=False,
    identity=Identity.CONTENT,
    same_content_again=Again.AFTER_SOFT_DELETE,
    second_id_for_content=False,
    soft_delete=False,
    soft_delete_below_soft_deleted=True,
    undelete_by_register=False,
    register_purges_lower=False,
    parallel_registrations=1,
    encryption_keys=False,
    deletes_used_keks=False,
    configs_need_level=False,
    soft_delete_clears_config=False,
    reads_past_aliases=True,
    config_fields=frozenset(),
    lowest_id=1,
    highest_id=2**31 - 1,
    exact_numbers=True,
    topic_deletes=TopicDeletes.NO_TOPIC,
    reserved_names=frozenset(),
    guesses_types=False,
    one_type_a_subject=False,
    forbidden_characters=frozenset("/"),
    longest_name=None,
)
