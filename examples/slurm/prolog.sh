#!/bin/sh
# Slurm's Prolog: a job that was given `--comment=warm=PROFILE` begins on a node once PROFILE is warm.
#
# A Prolog that fails drains its node and holds the job, and an unknown profile is no reason to lose a node. So this always
# ends with 0: --best-effort lets the job begin cold when it is not warm in time, and what hotset says goes to slurmd's log.
# Where a job must not begin cold, run it from PrologSlurmctld, which runs once a job and on failure requeues it: without
# --best-effort, and with `exit $?` at the end.
#
# In slurm.conf: Prolog=/etc/slurm/prolog.sh, PrologFlags=Alloc (before the first srun, too), and PrologEpilogTimeout and
# BatchStartTimeout above the --timeout here: BatchStartTimeout is 10 s where nothing else is said.
case "${SLURM_JOB_COMMENT:-}" in
  warm=*)
    # No PATH is given here. HOTSET_URL, HOTSET_TOKEN_FILE and HOTSET_BIN may be set above.
    "${HOTSET_BIN:-/usr/local/bin/hotset}" wait "${SLURM_JOB_COMMENT#warm=}" \
      --start --within 12h --timeout 10m --best-effort \
      --url "${HOTSET_URL:-http://hotset.example.com:9464}" \
      --token-file "${HOTSET_TOKEN_FILE:-/etc/slurm/hotset-run-token}" ||
      echo "hotset wait ended with $?: job ${SLURM_JOB_ID:-} begins all the same" >&2
    ;;
esac
exit 0
