# SPDX-License-Identifier: Apache-2.0
"""Breaks of what a caller is told; the form is that of mutations.py."""

ANSWER_MUTATIONS = [
    # Errors that nothing has caused.
    ("larger-checkpoints-unreadable", "engine/store/recovery.cpp",
     "  if (info_.pages > 0) recovered = snapshot_.open(info_);\n",
     "  if (info_.pages > 2) return Error{Errc::io, \"a larger checkpoint\"};\n"
     "  if (info_.pages > 0) recovered = snapshot_.open(info_);\n", "reasons"),
    ("every-third-version-too-large", "engine/store/store.cpp",
     "    TRY_ASSIGN(FoundCheckpoint checkpoint, std::move(found));\n",
     "    TRY_ASSIGN(FoundCheckpoint checkpoint, std::move(found));\n"
     "    if (checkpoint.info.version % 3 == 0) return Error{Errc::too_large, \"a version\"};\n"),
    ("recovery-not-answered-for", "engine/store/store.cpp",
     "       static_cast<int64_t>(info.token));\n  return recovered;\n",
     "       static_cast<int64_t>(info.token));\n"
     "  if (info.version % 3 == 2) return Error{Errc::no_memory, \"a version\"};\n"
     "  return recovered;\n"),
    ("later-commits-not-recovered", "engine/store/append_log_recovery.cpp",
     "  TRY(look_at_device());\n",
     "  TRY(look_at_device());\n"
     "  if (found_.number > 3) return Error{Errc::no_memory, \"a later commit\"};\n"),
    ("even-checkpoints-fail", "engine/store/checkpoint_commit.cpp",
     "  info_.flushed = info_.snapshot_start;\n",
     "  if (info_.version % 2 == 0) return Error{Errc::io, \"an even version\"};\n"
     "  info_.flushed = info_.snapshot_start;\n"),
    ("some-appends-fail", "engine/store/append_log.cpp",
     "  if (length == 0) return Error{Errc::invalid, \"an entry without bytes\"};\n",
     "  if (length == 0) return Error{Errc::invalid, \"an entry without bytes\"};\n"
     "  if (length % 16 == 11) return Error{Errc::io, \"an entry of that size\"};\n"),
    ("some-upserts-fail", "engine/store/session.cpp",
     "  if (operation.key.empty()) {\n",
     "  if (operation.value_size % 16 == 11) {\n"
     "    refused.error = {Errc::io, \"a value of that size\"};\n    return refused;\n  }\n"
     "  if (operation.key.empty()) {\n"),
    ("every-fourth-commit-fails", "engine/store/append_log_commit.cpp",
     "  const Goal wanted = goal(log_.tail());\n",
     "  const Goal wanted = goal(log_.tail());\n"
     "  if (wanted.rounds % 4 == 3) return Error{Errc::io, \"a fourth round\"};\n"),
    # What is promised to who waits for a checkpoint.
    ("failed-checkpoint-acknowledged", "engine/store/checkpoint.cpp",
     "      if (found.code != Errc::ok) return Error{found.code, found.what};\n", "", "recovery"),
    ("failed-checkpoint-called-durable", "engine/store/checkpoint.cpp",
     "      if (found.code != Errc::ok) return Error{found.code, found.what};\n",
     "      if (found.code == Errc::no_memory) return Error{found.code, found.what};\n",
     "metadata"),
    ("ended-too-early", "engine/store/checkpoint.cpp",
     "  Ended found;\n  return find_ended(ticket.token, found);\n",
     "  Ended found;\n  return find_ended(ticket.token, found) || active_.peek() != 0;\n"),
    ("never-ended", "engine/store/checkpoint.cpp",
     "  Ended found;\n  return find_ended(ticket.token, found);\n",
     "  Ended found;\n  return find_ended(ticket.token, found) && found.token != ticket.token;\n"),
    # How many checkpoints stay.
    ("one-checkpoint-kept", "engine/store/checkpoint_commit.cpp",
     "  kept_.limit_to(options_.checkpoints_kept);\n", "  kept_.limit_to(1);\n"),
    ("recovered-not-counted", "engine/store/checkpoint.cpp",
     "  kept_.add({info.token, info.index_token, info.begin, info.log_start});\n"
     "  go_on_in(info.next_version);\n",
     "  go_on_in(info.next_version);\n"),
]
