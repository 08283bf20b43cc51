# Two commands for a newcomer: `make demo` and `make test`. Both install what
# is missing, need no terminal and no standard input.

CARGO ?= cargo
# Binaries are built for the host's own triple by name, so they lie in a
# folder of that name (see .cargo/config.toml).
TRIPLE  = $(shell rustc -vV </dev/null | sed -n 's/^host: //p')
TARGET  = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)/$(TRIPLE)
RELEASE = $(TARGET)/release
DIST    = $(TARGET)/dist
DEBUG   = $(TARGET)/debug
# Where 'make install' installs to.
PREFIX ?= /usr/local
# Passed on, as in: make demo ARGS="--port 4000"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build install demo test lint bench chaos soak clean tools engine everything

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

build: tools ## Build the release binaries
	$(CARGO) build --release --locked </dev/null

# The programs find each other by lying side by side; people call two of them.
install: tools ## Build for speed and install below PREFIX, /usr/local without it
	$(CARGO) build --profile dist --locked </dev/null
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/swarm
	install $(addprefix $(DIST)/,swarm ticket monitor agent-runner) $(DESTDIR)$(PREFIX)/lib/swarm
	ln -sf ../lib/swarm/swarm ../lib/swarm/ticket $(DESTDIR)$(PREFIX)/bin
	$(DIST)/swarm --quiet man $(DESTDIR)$(PREFIX)/share/man/man1
	$(DIST)/ticket man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions fish/vendor_completions.d)
	for name in swarm ticket; do \
		$(DIST)/$$name completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name && \
		$(DIST)/$$name completions zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$name && \
		$(DIST)/$$name completions fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish || exit 1; \
	done

demo: engine ## Run the whole loop on a sample repository, no account needed
	$(CARGO) build --release --locked </dev/null
	$(RELEASE)/swarm demo $(ARGS)

test: everything ## Run every test, with real containers and a real browser
	$(CARGO) build --locked --bins </dev/null
	$(CARGO) test --locked --workspace $(ARGS) </dev/null

lint: ## Check formatting, clippy, scripts, dependencies and the tree
	$(CARGO) fmt --all --check </dev/null
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings </dev/null
	scripts/check-scripts
	scripts/check-dependencies
	scripts/check-tree

bench: engine ## Run the benchmarks
	$(CARGO) build --release --locked </dev/null
	$(CARGO) build --profile dist --locked --bin ticket </dev/null
	$(CARGO) bench --locked --profile dist -p ticket --bench process </dev/null
	$(CARGO) bench --locked -p ticket --bench queue </dev/null
	$(CARGO) bench --locked --workspace --exclude ticket </dev/null
	bench/overhead $(ARGS)

chaos: everything ## Kill agents, the hub, the engine and writers while they work
	$(CARGO) build --locked --bins </dev/null
	$(CARGO) test --locked -p swarm --test chaos fifty_kills $(ARGS) -- --ignored --nocapture </dev/null
	TICKET_STRESS_TICKETS=10000 TICKET_STRESS_KILLS=5000 TICKET_STRESS_OPERATIONS=1000000 \
		$(CARGO) test --release --locked -p ticket --test stress -- --nocapture --test-threads=1 </dev/null

soak: everything ## Let eight agents work through half an hour in which everything goes wrong
	$(CARGO) build --locked --bins </dev/null
	$(CARGO) test --locked -p swarm --test chaos a_night_loses_nothing -- --ignored --nocapture $(ARGS) </dev/null

clean: ## Remove what was built
	$(CARGO) clean </dev/null

tools:
	@scripts/setup </dev/null

engine:
	@scripts/setup engine </dev/null
	@scripts/engine start </dev/null
	@scripts/base-image </dev/null

everything:
	@scripts/setup all </dev/null
	@scripts/engine start </dev/null
	@scripts/base-image </dev/null
