# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of the errors that registries answer with, as Confluent's have them."""

from __future__ import annotations

NO_SUBJECT, NO_VERSION, NO_SCHEMA = 40401, 40402, 40403
SUBJECT_SOFT_DELETED, SUBJECT_NOT_SOFT_DELETED, VERSION_SOFT_DELETED = 40404, 40405, 40406
NO_CONFIG, NO_MODE, NO_SUCH_PATH, NO_SUCH_METHOD = 40408, 40409, 404, 405
