# SPDX-License-Identifier: Apache-2.0
"""What becomes of breaks that are not simply killed by some seed of any scenario, and why."""

# Breaks of what one scenario is about, and rare in others: they are hunted there first.
AT_HOME = {
    "reset-looks-once": "reset-with-io",
    "reset-wakes-nobody": "reset-with-io",
    "reset-names-not-synced": "short-lives",
    "given-up-is-read": "dispose-with-io",
    "committed-given-up": "dispose-with-io",
    "copies-not-awaited": "copy-reads",
    "cache-copies-among-others": "copy-reads",
    "ended-too-early": "dispose-with-io",
    "never-ended": "dispose-with-io",
    "maker-not-waited-for": "many-sessions",
    "open-before-names-are-durable": "short-lives",
    "names-not-synced-first": "short-lives",
    "emptied-not-taken-back": "short-lives",
    "void-checkpoint-taken": "short-lives",
    "saved-of-another-version": "operation-log",
    "filler-forgotten": "operation-log",
    "cache-forgets-one-page": "crash-loop",
    "cache-begins-below-its-snapshot": "crash-loop",
    "elided-that-an-index-has": "operation-log",
    "failed-list-frees-tokens": "recover-smaller",
    "indexes-not-forgotten": "recover-smaller",
    "undone-forgotten-in-memory": "fold-over",
    "going-back-not-synced": "short-lives",
    "committer-not-awaited": "dispose-with-io",
    "failed-data-before-metadata": "crash-loop",
    "page-of-flushed-not-written-back": "short-lives",
    "given-up-before-file": "operation-log",
    "other-sector-accepted": "recover-smaller",
    "commit-file-without-checksum": "damaged-log",
    "damage-is-nothing": "damaged-log",
    "log-over-a-log": "damaged-log",
    "lost-files-are-nothing": "damaged-log",
}

# Breaks of what is promised that a campaign may not meet: they need two failures in one breath, a
# switch at one certain point or two, a file that was damaged in a way that no fault here damages
# one, or errors that do not end. Then a unit test of the engine must, in the file that is named. It
# stands in for a sharper scenario; what a run would have to bring together stands above each.
OF_UNIT_TESTS = {
    # A sync of names fails, and the power does before the next one.
    "removal-not-synced-again": "engine/store/reset_test.cpp",
    # A checkpoint that could not be removed is gone back to once the log below is given up.
    "outdated-truncated-anyway": "engine/store/begin_shift_test.cpp",
    # The process dies between a removal and its sync, then the power fails, before a checkpoint.
    "open-before-names-are-durable": "engine/store/reset_test.cpp",
    # A recovery dies behind a page that differs from what was flushed, and another follows.
    "page-of-flushed-not-written-back": "engine/store/recovery_test.cpp",
    # A checkpoint that an emptying could not remove, and one at the address where that had been.
    "void-checkpoint-of-that-place": "engine/store/reset_test.cpp",
    # A commit of the log fails, and so does the one that is to take it back.
    "doubt-ignored": "engine/store/reset_test.cpp",
    # The log begins within a page, and bits below that change while a snapshot writes it.
    "checksum-of-what-was-given-up": "engine/store/recovery_test.cpp",
    # A page of a snapshot is read back that is not what was written.
    "checksum-of-nothing": "engine/store/damage_test.cpp",
    # Errors that do not end: else who waits leads rounds of his own until one succeeds.
    "round-not-counted": "engine/store/append_log_test.cpp",
    # A bucket is copied while its chain grows, by a writer who stops there until all is copied.
    "copied-link-believed": "engine/store/index_loader_test.cpp",
    # The power fails in a recovery that goes back, once its pages are durable and before names are.
    "going-back-not-synced": "engine/store/damage_test.cpp",
    # Who takes a step stops until another index checkpoint of that version has come as far.
    "step-for-another-checkpoint": "engine/store/interruption_test.cpp",
    # Before an operation goes on with the place that it has saved, a snapshot captures that.
    "saved-within-a-checkpoint": "engine/store/interruption_test.cpp",
    # The newest commit file rots, the one before comes back, and two lives fit to the byte.
    "lost-lives-not-counted": "engine/store/append_log_damage_test.cpp",
}

# Breaks that only damage of a checkpoint's synced bytes shows: no scenario lets the files of a
# store decay (docs/fault_model.md), so no run can notice them, and none may. They do not count; a
# test must notice, in the file named: a page of a snapshot that is not what was written, and an
# older checkpoint that cannot be read, gone back to.
BEYOND_FAULTS = {
    "going-back-without-rehearsal": "engine/store/damage_test.cpp",
    "first-look-not-believed": "engine/store/damage_test.cpp",
}

# Breaks that change nothing that is promised, and why. A run must not notice them.
EXPLAINED = {
    "reset-forgets-reads": "what a read brings is not looked at once the contents are others; that "
                           "no device is emptied under a read is for the device's sake",
    "read-during-reset": "the generation that is compared beside it says the same in time",
    "index-not-synced": "an index is compared with its checksum before it is believed, and built "
                        "anew from the log if it is not whole: it is lost, and nothing else is",
    "version-of-checkpoint-replayed": "an entry says what its key holds afterwards, and those "
                                      "behind it follow: a replay of more than is needed changes "
                                      "nothing (docs/adr/0005-operation-log.md); the test that "
                                      "would notice makes up an order that no store writes",
    "open-ignores-flushed": "closed never passes flushed (address-chain), so the test of closed "
                            "that stands beside it says the same",
    "makers-both-withdraw": "who withdraws does not make another as long as he sees one in the "
                            "making: that alone breaks the step, or ends where no two turns have "
                            "the same length",
    "barrier-without-epoch": "the step is taken when all who are inside have marked PREPARE, and "
                             "whoever has marked it spins at the barrier already",
    "rmw-copies-fuzzy": "a read-modify-write holds the bucket's latch while it looks at ro and "
                        "while it writes, and so does whoever updates in place: nobody updates "
                        "with an older ro while the copy is taken",
    "older-of-two-stays": "on a main device an entry is freed only once it points below begin, and "
                          "whoever loads a copy begins at or above that: the older one is left "
                          "out already. In a cache, which may begin lower, the newer one leads "
                          "nowhere after the load, and the walk links what it finds through the "
                          "first of the two. A test of the loader notices",
    "older-of-two-stays-in-a-bucket": "as above",
}
