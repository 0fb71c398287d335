package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// command is one subcommand of openlearn.
type command struct {
	name, args, summary, help string
	flags                     func(*flag.FlagSet)
	run                       func(ctx context.Context, c *call) error
	hidden                    bool
	verbs                     []verb // commands within it: one of them is its first argument
	nested                    bool   // they read their flags themselves
	results                   bool   // it prints results, with --json as lines of JSON
}

// verb is a command within a command, such as create of apikey. Flags are the names of those that it takes.
type verb struct {
	name, args string
	flags      []string
}

// call is one use of a command: its flags and arguments and where it writes.
type call struct {
	version        string
	flags          *flag.FlagSet
	args           []string
	stdout, stderr io.Writer
}

// usageError is a wrong use of the command line: exit code 2.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

// ExitCode is 2 for a wrong use of the command line or environment, 3 for an import that left lines out, else 1.
func ExitCode(err error) int {
	var usage usageError
	var rejected rejectedError
	switch {
	case errors.As(err, &usage):
		return 2
	case errors.As(err, &rejected):
		return 3
	}
	return 1
}

func commands() []command {
	return []command{
		{
			name: "serve", summary: "serve the API on PostgreSQL and Redis", run: runServe,
			help: "Migrates the database (under a lock, so that several instances may start at once) and serves until SIGINT or SIGTERM,\nthen lets requests in flight finish.\n\n" + environmentHelp,
		},
		{
			name: "dev", summary: "serve on a private PostgreSQL and Redis, with sample articles", flags: devFlags, run: runDev,
			help: "Starts a private PostgreSQL and Redis (data in .dev), migrates, loads the sample on the first run, scrapes the bundled demo\nnewsroom, and serves on loopback with the admin routes open to this machine. Ctrl-C stops all of it; the data stays.\nA server that ends by itself is started again; if that fails for half a minute, so does the command.",
		},
		{name: "admin", args: "create|list|role|lock|unlock|…", verbs: adminVerbs, results: true, summary: "make the first admin, and manage accounts", flags: adminFlags, run: runAdmin, help: adminHelp},
		{
			name: "migrate", results: true, args: "up|down|status", verbs: []verb{{name: "up"}, {name: "down"}, {name: "status"}}, summary: "change the database schema", run: runMigrate,
			help: "up applies what is pending, down reverts the latest migration, status lists all. Needs DATABASE_URL.",
		},
		{
			name: "seed", results: true, summary: "make sample articles and analyse them", flags: seedFlags, run: runSeed,
			help: "Makes N varied Spanish articles of several sources, the same every time, and analyses what waits. What is there already stays.\nNeeds DATABASE_URL, and Redis's address so that running services see the articles at once.",
		},
		{
			name: "import", results: true, args: "FILE…", summary: "load articles from JSON Lines", run: runImport,
			help: "Each line is an object: source, title, text, and optionally category, date, url, author, country; or an article as the API and\nexport give it. Files may be gzipped; - is standard input. Articles that are there already are skipped, bad lines are reported\nand cost only themselves; then the exit code is 3.",
		},
		{
			name: "export", args: "[FILE]", summary: "write articles as JSON Lines or CSV", flags: exportFlags, run: runExport,
			help: "Writes all articles, or those that the flags select, oldest number first, to FILE (compressed if it ends in .gz) or standard output.\nThe format is that of FILE's extension (.jsonl, .ndjson, .csv), else JSON Lines: articles as the API gives them, which can be imported. In CSV a text that a spreadsheet would read as a formula\nbegins with an apostrophe. Needs DATABASE_URL.",
		},
		{
			name: "scrape", results: true, args: "[SOURCE]", summary: "gather a source's new articles and store them", flags: scrapeFlags, run: runScrape,
			help: "SOURCE is an id or a name, such as el_tiempo or \"El Tiempo\" (openlearn sources list shows them); --all gathers from every source that has\nan entry, --url reads one page. With --dry-run nothing is stored, and neither PostgreSQL nor Redis is needed.",
		},
		{
			name: "work", summary: "work on background jobs, without serving", run: runWork,
			help: "Makes the passes over sources that are due or asked for, as serve does, until SIGINT or SIGTERM; serve with SCRAPER_WORKERS=0 leaves them to it.\nIt migrates the database first. The environment is that of serve (openlearn serve -h).",
		},
		{name: "apikey", args: "create|list|revoke [ID…]", verbs: apikeyVerbs, results: true, summary: "make and revoke API keys of machines", flags: apikeyFlags, run: runAPIKey, help: apikeyHelp},
		{name: "sources", args: "list|show|check|probe [ID]", verbs: sourcesVerbs, results: true, summary: "look at the catalogue of sources, and for new entries", flags: sourcesFlags, run: runSources, help: sourcesHelp},
		{
			name: "government", results: true, args: "get DATASET|list|sync TABLE", verbs: governmentVerbs, summary: "read Colombian open data", flags: governmentFlags, run: runGovernment, help: governmentHelp,
		},
		{
			name: "extract", args: "FILE|-", summary: "read the article out of a page, as a line of JSON", flags: extractFlags, run: runExtract,
			help: "A page that is no article gives a line that says which kind of page it is ({\"refused\": …}), and exit code 1.",
		},
		{
			name: "robots", results: true, args: "FILE|- PATH…", summary: "say what a robots.txt lets a robot fetch", flags: robotsFlags, run: runRobots,
			help: "Prints allow or deny for each path, a line each (RFC 9309).",
		},
		{
			name: "analyze", results: true, args: "FILE|-", summary: "analyse a Spanish text, or the archive with --all", flags: analyzeFlags, run: runAnalyze, help: analyzeHelp,
		},
		{name: "nlp", args: "train|eval|ner|pos|…", verbs: nlpVerbs(), nested: true, summary: "train and measure the Spanish NLP engine", run: runNLP, help: nlpHelp},
		{name: "cache-proxy", summary: "cache any upstream, as a reverse proxy (RFC 9111)", hidden: true, flags: cacheProxyFlags, run: runCacheProxy, help: cacheProxyHelp},
		{name: "completion", args: "SHELL", summary: "print the completion script of a shell: bash, zsh or fish", run: runCompletion, help: completionHelp},
		{name: "healthcheck", summary: "ask a running service whether it is ready", run: runHealthcheck, help: "Exit code 0 if http://127.0.0.1:PORT/health/ready says so, PORT from HTTP_ADDR. For containers."},
		{name: "version", results: true, summary: "print the version", run: runVersion, help: "Prints the version, the commit and the Go release."},
	}
}

const environmentHelp = `Environment (default):
  DATABASE_URL         postgres://user:password@host:5432/database (needed)
  MIGRATION_DATABASE_URL  the same for the role that owns the schema, if that is another one (DATABASE_URL)
  REDIS_URL            redis://:password@host:6379/0, or REDIS_HOST (localhost), REDIS_PORT (6379), REDIS_DB (0), REDIS_USERNAME, REDIS_PASSWORD
  HTTP_ADDR            where to listen (:8000)
  PUBLIC_URL           where browsers reach the service, with the path below which a proxy has it: base of all links (http://localhost:8000)
  ADMIN_API_KEY        key of the admin routes, sent as X-API-Key or bearer; unset, they refuse
  DATABASE_URL_FILE, MIGRATION_DATABASE_URL_FILE, REDIS_URL_FILE, REDIS_PASSWORD_FILE, ADMIN_API_KEY_FILE, AUTH_JWT_KEYS_FILE, SMTP_URL_FILE
                       files that hold these instead
  AUTH_JWT_KEYS        id:secret, comma-separated, that sign access tokens: the first one signs, all verify (one that the database keeps)
  AUTH_REQUIRE_VERIFIED_EMAIL  let nobody in whose address no mail has confirmed (false)
  AUTH_LINK_URL        where links in mails lead (the first of ALLOWED_ORIGINS)
  SMTP_URL             smtp://user:password@host:587 or smtps://…, which takes mails; unset, none leave
  MAIL_FROM, MAIL_WORKERS  their sender, and how many this process sends at a time (2; 0: others do)
  ADMIN_HOSTS          comma-separated host names under which they answer, beside PUBLIC_URL's, localhost and this machine's
  ALLOWED_ORIGINS      origins whose pages may call the API (http://localhost:3000)
  TRUSTED_PROXIES      prefixes of the reverse proxies in front, whose X-Forwarded-For or Forwarded is believed (none)
  RATE_LIMIT_ENABLED   false: requests are not limited (true; with dev, false)
  RATE_LIMIT_PER_MINUTE, RATE_LIMIT_PER_HOUR, RATE_LIMIT_BYTES_PER_HOUR
                       what one address may ask for (60, 1000, 256 MiB; 0 bytes: any amount); RATE_LIMIT_USER_PER_MINUTE,
                       RATE_LIMIT_USER_PER_HOUR, RATE_LIMIT_USER_BYTES_PER_HOUR: a user or a machine with a key (300, 5000, 1 GiB)
  LOG_LEVEL            debug, info, warn or error (info)
  DATABASE_POOL_SIZE   connections to PostgreSQL (20)
  JOBS_POOL_SIZE       the same for background jobs, beside those (4)
  REDIS_POOL_SIZE      connections to Redis (50)
  CONNECT_TIMEOUT, SOCKET_TIMEOUT (5s), SHUTDOWN_TIMEOUT (20s)
  SCRAPER_WORKERS      passes over sources at a time in this process; 0: it makes none by itself (8)
  WORK_METRICS_ADDR    where openlearn work serves /metrics, such as :9100; nowhere otherwise
  SCRAPER_SOURCES_FILE  YAML that adds sources to the catalogue, or replaces some (see openlearn sources show)
  SCRAPER_ALLOWED_NETS  networks that may be read although they are not public, such as 10.1.0.0/16; none otherwise
  SCRAPER_USER_AGENT    what sources are told of who asks
  ANALYSIS_WORKERS     on how many processors new and changed articles are analysed (1); 0: not by this instance
  DATOS_GOV_APP_TOKEN  token for datos.gov.co, or DATOS_GOV_APP_TOKEN_FILE; without one it is asked two times a second at most, with one five
  DATOS_GOV_URL, DATOS_GOV_CATALOG_URL, BANREP_URL, WORLD_BANK_URL  mirrors of these services
  GOVERNMENT_ALLOWED_NETS  networks where mirrors may be although they are not public; none otherwise
  GOVERNMENT_WORKERS   jobs at a time in this process that bring places and exchange rates up to date (1); 0: others do
  GOVERNMENT_USER_AGENT  what these services are told of who asks
  WARM_KEYS            articles kept warm at most (500); 0: none
  WARM_SCHEDULE        which while the service runs: predicted, popular or off (predicted)
  WARM_INTERVAL        between looks at them (3m)
  WARM_RATE            articles a second that warming may read from the database (200)
  AUDIT_RETENTION_DAYS days that the trail of cache operations is kept, 0 for ever (90)
  OTEL_EXPORTER_OTLP_ENDPOINT  send traces there (http://localhost:4318); the other OTEL_ variables count too
  GOGC, GOMEMLIMIT     how Go collects garbage (by what lives, 1GiB)`

// Run executes the command line args (without the program's name) of the program built as version.
func Run(ctx context.Context, version string, args []string, stdout, stderr io.Writer) error {
	quietRedis()
	if len(args) == 0 {
		return usageError{"a command is needed (openlearn help lists them)"}
	}
	name := args[0]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(args) < 2 || strings.HasPrefix(args[1], "-") || args[1] == "help" {
			printUsage(stdout)
			return nil
		}
		return Run(ctx, version, []string{args[1], "-h"}, stdout, stderr)
	case "--version", "-version":
		name = "version"
	case completeCommand:
		return completeLine(stdout, args[1:])
	}
	for _, cmd := range commands() {
		if cmd.name != name {
			continue
		}
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		cmd.addFlags(fs)
		parse := parseArgs
		if cmd.nested {
			parse = parseLeading
		}
		positional, err := parse(fs, args[1:])
		switch {
		case errors.Is(err, flag.ErrHelp):
			cmd.print(stdout, fs)
			return nil
		case err != nil:
			return flagError(name, fs, err)
		case len(cmd.verbs) > 0 && !cmd.has(positional):
			return cmd.unknownVerb(positional)
		case cmd.nested && slices.ContainsFunc(positional, isHelp):
			cmd.print(stdout, fs)
			return nil
		case cmd.args == "" && len(positional) > 0:
			return usageError{fmt.Sprintf("%s takes no arguments, got %q (see openlearn %s -h)", name, strings.Join(positional, " "), name)}
		}
		return cmd.run(ctx, &call{version: version, flags: fs, args: positional, stdout: stdout, stderr: stderr})
	}
	return unknownCommand(args[0])
}

func (c command) addFlags(fs *flag.FlagSet) {
	if c.flags != nil {
		c.flags(fs)
	}
	if c.results {
		resultsFlag(fs)
	}
}

// parseArgs reads flags wherever they stand, up to a --, and returns the arguments.
func parseArgs(fs *flag.FlagSet, args []string) ([]string, error) {
	var positional []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if read := len(args) - len(rest); len(rest) == 0 || read > 0 && args[read-1] == "--" {
			return append(positional, rest...), nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}

// parseLeading leaves everything from the first argument on to a command of its own.
func parseLeading(fs *flag.FlagSet, args []string) ([]string, error) {
	err := fs.Parse(args)
	return fs.Args(), err
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "OpenLearn Colombia: news and open data for learners of Spanish.\n\nUsage: openlearn COMMAND [flags] [arguments]\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(t, "  %s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
		}
	}
	t.Flush()
	fmt.Fprint(w, "\nopenlearn COMMAND -h tells more.\n")
}

func (c command) print(w io.Writer, fs *flag.FlagSet) {
	flags := ""
	fs.VisitAll(func(*flag.Flag) { flags = " [flags]" })
	fmt.Fprintf(w, "Usage: openlearn %s\n\n%s.\n%s\n", strings.TrimSpace(c.name+flags+" "+c.args), strings.ToUpper(c.summary[:1])+c.summary[1:], c.help)
	if flags != "" {
		fmt.Fprint(w, "\nFlags:\n")
		fs.SetOutput(w)
		fs.PrintDefaults()
	}
}
