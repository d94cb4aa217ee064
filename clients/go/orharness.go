// Package orharness tests what reads streamed answers of language models: a real server plays the stream, with any
// chunks, pauses and faults, and proves that a cancel stops the model.
//
// Start opens a session on the server at ORHARNESS_URL. Without one, the process starts ORHARNESS_COMMAND, or orharness
// from PATH, once; that server ends with the process. Nothing is ever downloaded.
//
// The methods fail the test where the client under test is wrong, with the text that pytest shows, and where the
// server, or what it was given, is wrong. Like t.Fatal, they belong in the goroutine of the test.
package orharness

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TB is what the package needs of a test: a *testing.T, a *testing.B, or something of one's own. Fatal must not return.
type TB interface {
	Helper()
	Cleanup(func())
	Error(...any)
	Fatal(...any)
	Failed() bool
}

// Session is how a session is opened.
type Session struct {
	Scenario any           // a scenario document
	Pacing   string        // lockstep (unless said), recorded or instant
	Gateway  string        // whose form answers and errors have
	Lax      bool          // unmatched requests and routes never asked are not complained of
	TTL      time.Duration // after which it ends if nobody uses it; 0 for the server's own choice
}

// Server is a session: routes and a journal of its own on a server that others may use as well.
type Server struct {
	ID      string
	URL     string // the server's own address: a backend that passes the session's key on has it with /v1 after it
	BaseURL string // what an OpenAI client takes: the address of this session, with /v1
	Origin  string // what an Anthropic client takes, which adds /v1 itself
	APIKey  string // names the session, for a backend under test that has one base URL for all tests
	Headers map[string]string
	Env     map[string]string // the environment variables of SDKs, for a process under test
	Routes  []*Route

	Timeout time.Duration // that is waited at most: 5 s unless set
	Within  time.Duration // that a client has to leave: 0.25 s unless set

	t     TB
	ended bool
}

// Start opens a session that ends with the test, and is judged then, unless the test has failed already: a request that
// no route answers, a route that was never asked, and what a route expects and was not met fail the test.
func Start(t TB, how ...Session) *Server {
	t.Helper()
	return Connect(t).Open(how...)
}

// Chat answers chat completions with a text, or with an Answer.
func (s *Server) Chat(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("chat", answer, with)
}

// Messages answers Anthropic Messages.
func (s *Server) Messages(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("messages", answer, with)
}

// Responses answers OpenAI Responses.
func (s *Server) Responses(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("responses", answer, with)
}

// Gemini answers Gemini's generateContent.
func (s *Server) Gemini(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("gemini", answer, with)
}

// Ollama answers Ollama's /api/chat.
func (s *Server) Ollama(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("ollama", answer, with)
}

// Answer answers any API's requests, each in its own form.
func (s *Server) Answer(answer any, with ...With) *Route {
	s.t.Helper()
	return s.dialect("answer", answer, with)
}

func (s *Server) dialect(name string, answer any, with []With) *Route {
	s.t.Helper()
	route := Doc{}
	for _, one := range with {
		one.into(route)
	}
	route[name] = answer
	return s.Add(route)
}

// Add adds a route, as a scenario document has it.
func (s *Server) Add(route any) *Route {
	s.t.Helper()
	return s.Scenario(route)[0]
}

// Scenario adds all routes of a scenario document.
func (s *Server) Scenario(document any) []*Route {
	s.t.Helper()
	var added struct{ Routes []RouteInfo }
	s.ask(http.MethodPost, "/routes", nil, document, &added)
	routes := s.routes(added.Routes)
	s.Routes = append(s.Routes, routes...)
	return routes
}

// ListRoutes returns the routes that are there now, also those that others added.
func (s *Server) ListRoutes() []*Route {
	s.t.Helper()
	var found struct{ Routes []RouteInfo }
	s.ask(http.MethodGet, "/routes", nil, nil, &found)
	return s.routes(found.Routes)
}

func (s *Server) routes(documents []RouteInfo) []*Route {
	var made []*Route
	for _, one := range documents {
		made = append(made, &Route{ID: one.ID, Name: one.Name, server: s})
	}
	return made
}

// Calls returns every request of the session, also those that no route answered.
func (s *Server) Calls() []Call {
	s.t.Helper()
	return s.calls(nil)
}

func (s *Server) calls(query url.Values) []Call {
	s.t.Helper()
	var found struct{ Calls []Call }
	s.ask(http.MethodGet, "/calls", query, nil, &found)
	return found.Calls
}

// ShowCall returns one request, by its id.
func (s *Server) ShowCall(id string) (call Call) {
	s.t.Helper()
	s.ask(http.MethodGet, "/calls/"+url.PathEscape(id), nil, nil, &call)
	return call
}

// Stream returns the first chunks of a call's answer: their bytes, and what each says.
func (s *Server) Stream(id string) (stream Stream) {
	s.t.Helper()
	s.ask(http.MethodGet, "/calls/"+url.PathEscape(id)+"/stream", nil, nil, &stream)
	return stream
}

// Hold holds a call's stream before its next chunk.
func (s *Server) Hold(id string) Call {
	s.t.Helper()
	return s.steer(id, "hold", nil)
}

// Release lets a call's stream go on: one that was held, else one at a gate of its route, which opens.
func (s *Server) Release(id string) Call {
	s.t.Helper()
	return s.steer(id, "release", nil)
}

// Cut ends a call's response now, by a FIN ("fin") or an RST ("rst").
func (s *Server) Cut(id, by string) Call {
	s.t.Helper()
	return s.steer(id, "cut", url.Values{"by": {by}})
}

func (s *Server) steer(id, verb string, query url.Values) (call Call) {
	s.t.Helper()
	s.ask(http.MethodPost, "/calls/"+url.PathEscape(id)+"/"+verb, query, nil, &call)
	return call
}

// Play plays a file's text, a cassette, a scenario or a HAR: its routes come before all others.
func (s *Server) Play(name, text string) []*Route {
	s.t.Helper()
	var added struct{ Routes []RouteInfo }
	s.ask(http.MethodPost, "/files", nil, Doc{"name": name, "text": text}, &added)
	routes := s.routes(added.Routes)
	s.Routes = append(routes, s.Routes...)
	return routes
}

// PlayOnce plays each answer of a recording once, to the request that it was recorded from: its routes come after all
// others. The options are those of the verb, such as match_on and delays; nil for none.
func (s *Server) PlayOnce(name, text string, options Doc) []*Route {
	s.t.Helper()
	if options == nil {
		options = Doc{}
	}
	var added struct{ Routes []RouteInfo }
	s.ask(http.MethodPost, "/files", nil, Doc{"name": name, "text": text, "play": "once", "options": options}, &added)
	routes := s.routes(added.Routes)
	s.Routes = append(s.Routes, routes...)
	return routes
}

// Page returns what the live page shows of the session, as the HTML of one file that needs no server.
func (s *Server) Page() string {
	s.t.Helper()
	var page struct{ HTML string }
	s.ask(http.MethodGet, "/page", nil, nil, &page)
	return page.HTML
}

// Show returns what the server says of the session.
func (s *Server) Show() (info SessionInfo) {
	s.t.Helper()
	s.ask(http.MethodGet, "", nil, nil, &info)
	return info
}

// Journal returns every exchange, in the order of their requests.
func (s *Server) Journal() []Exchange {
	s.t.Helper()
	var found struct{ Exchanges []Exchange }
	s.ask(http.MethodGet, "/journal", nil, nil, &found)
	return found.Exchanges
}

// Account returns what was seen so far, in words: what pytest shows of a test that failed.
func (s *Server) Account() string {
	s.t.Helper()
	var found struct{ Account string }
	s.ask(http.MethodGet, "/account", nil, nil, &found)
	return found.Account
}

// Events calls each with the exchange events after the one of that number, as they happen, until it returns false or
// the session ends.
func (s *Server) Events(since int, each func(Event) bool) {
	s.t.Helper()
	if err := events(s.path("/events"), since, each); err != nil {
		s.t.Fatal(err)
	}
}

// Verify fails the test for what the end of the session would fail it for, and goes on with the session.
func (s *Server) Verify() (verdict Verdict) {
	s.t.Helper()
	s.ask(http.MethodPost, "/verify", nil, nil, &verdict)
	return verdict
}

// Reset empties the session: no routes, an empty journal, nothing open.
func (s *Server) Reset() {
	s.t.Helper()
	s.ask(http.MethodPost, "/reset", nil, nil, nil)
	s.Routes = nil
}

// End ends the session and judges it, as the end of the test would; a second call does nothing.
func (s *Server) End() {
	s.t.Helper()
	if err := s.end(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) end() error {
	if s.ended {
		return nil
	}
	s.ended = true
	return ask(http.MethodDelete, s.path(""), nil, nil, nil)
}

// over is the end of the test. What a test that has failed leaves behind is not another failure.
func (s *Server) over() {
	s.t.Helper()
	failed := s.t.Failed()
	if err := s.end(); err != nil && !(failed && isFinding(err)) {
		s.t.Error(err)
	}
}

func (s *Server) path(path string) string {
	return s.URL + root + "/sessions/" + s.ID + path
}

func (s *Server) ask(method, path string, query url.Values, document, answer any) {
	s.t.Helper()
	if err := ask(method, s.path(path), query, document, answer); err != nil {
		s.t.Fatal(err)
	}
}

// Harness is a server that runs: what belongs to no session, and where sessions are opened.
type Harness struct {
	URL string
	t   TB
}

// Connect returns the server at ORHARNESS_URL, or one that is started once for the process.
func Connect(t TB) *Harness {
	t.Helper()
	address, err := serverURL()
	if err != nil {
		t.Fatal(err)
	}
	return &Harness{URL: address, t: t}
}

// ConnectTo returns the server at an address, such as http://127.0.0.1:8181.
func ConnectTo(t TB, address string) *Harness {
	t.Helper()
	address = strings.TrimRight(address, "/")
	if err := check(address); err != nil {
		t.Fatal(err)
	}
	return &Harness{URL: address, t: t}
}

// About returns which program answers, and the number of its control API.
func (h *Harness) About() (about About) {
	h.t.Helper()
	h.get("", &about)
	return about
}

// OpenAPI returns the document of the control verbs.
func (h *Harness) OpenAPI() (document Doc) {
	h.t.Helper()
	h.get("/openapi.json", &document)
	return document
}

// Sessions returns every session that is open.
func (h *Harness) Sessions() []SessionInfo {
	h.t.Helper()
	var found struct{ Sessions []SessionInfo }
	h.get("/sessions", &found)
	return found.Sessions
}

// Lanes returns what a live page shows: the latest calls of all sessions, each with the plan of its stream.
func (h *Harness) Lanes() []Doc {
	h.t.Helper()
	var found struct{ Lanes []Doc }
	h.get("/lanes", &found)
	return found.Lanes
}

// Bills returns the bills of calls whose answer or whose model is under way, of all sessions.
func (h *Harness) Bills() []Doc {
	h.t.Helper()
	var found struct{ Bills []Doc }
	h.get("/bills", &found)
	return found.Bills
}

// Journal returns the exchanges of the default session, which has every request that names no other.
func (h *Harness) Journal() []Exchange {
	h.t.Helper()
	var found struct{ Exchanges []Exchange }
	h.get("/journal", &found)
	return found.Exchanges
}

// Events is Server.Events, of all sessions.
func (h *Harness) Events(since int, each func(Event) bool) {
	h.t.Helper()
	if err := events(h.URL+root+"/events", since, each); err != nil {
		h.t.Fatal(err)
	}
}

// Open opens a session, as Start does.
func (h *Harness) Open(how ...Session) *Server {
	h.t.Helper()
	var chosen Session
	if len(how) > 0 {
		chosen = how[0]
	}
	var opened SessionInfo
	if err := ask(http.MethodPost, h.URL+root+"/sessions", chosen.query(), chosen.Scenario, &opened); err != nil {
		h.t.Fatal(err)
	}
	s := &Server{
		ID: opened.ID, URL: h.URL, BaseURL: opened.BaseURL, Origin: opened.Origin, APIKey: opened.APIKey,
		Headers: opened.Headers, Env: opened.Env, Timeout: 5 * time.Second, Within: 250 * time.Millisecond, t: h.t,
	}
	s.Routes = s.routes(opened.Routes)
	h.t.Cleanup(s.over)
	return s
}

func (h *Harness) get(path string, answer any) {
	h.t.Helper()
	if err := ask(http.MethodGet, h.URL+root+path, nil, nil, answer); err != nil {
		h.t.Fatal(err)
	}
}
