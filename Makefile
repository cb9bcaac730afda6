# One table of what the project's benchmarks say: ours, the reference that ran
# beside it, their ratio, the goal. See docs/performance.md.
.PHONY: bench
bench:
	go run ./deploy/bench
