package orharness

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const longest = 30 * time.Second // of one poll

// Route is a reply in its place on the server.
type Route struct {
	ID, Name string

	server *Server
	held   map[string]bool // the calls that Hold holds
}

// Show returns what the server says of the route.
func (r *Route) Show() (info RouteInfo) {
	r.server.t.Helper()
	r.server.ask(http.MethodGet, r.path(), nil, nil, &info)
	return info
}

// Calls returns every request that it answered, in their order.
func (r *Route) Calls() []Call {
	r.server.t.Helper()
	return r.server.calls(url.Values{"route": {r.ID}})
}

// Call returns the one request that it answered; none, and more than one, fail the test.
func (r *Route) Call() Call {
	r.server.t.Helper()
	calls := r.Calls()
	if len(calls) == 0 {
		r.server.t.Fatal(fmt.Sprintf("the client never sent a request to %s", r.Name))
	}
	if len(calls) > 1 {
		r.server.t.Fatal(fmt.Sprintf("%s was asked %d times, not once", r.Name, len(calls)))
	}
	return calls[0]
}

// WaitCall waits until the request with that number (from 1) has come.
func (r *Route) WaitCall(number int) Call {
	r.server.t.Helper()
	return r.wait("call", url.Values{"number": {strconv.Itoa(number)}})
}

// Held waits until a stream is held at a gate with everything before it written.
func (r *Route) Held() Call {
	r.server.t.Helper()
	return r.wait("held", nil)
}

// WaitEnded waits until the outcome of the call with that number is decided.
func (r *Route) WaitEnded(number int) Call {
	r.server.t.Helper()
	return r.wait("outcome", url.Values{"number": {strconv.Itoa(number)}})
}

// WaitFinished waits until the client has taken the whole answer of the call with that number.
func (r *Route) WaitFinished(number int) Call {
	r.server.t.Helper()
	return r.wait("finished", url.Values{"number": {strconv.Itoa(number)}})
}

// Hold waits for a request, and holds the stream of each that is under way before its next chunk. It returns them.
func (r *Route) Hold() (held []Call) {
	r.server.t.Helper()
	r.WaitCall(1)
	r.held = map[string]bool{}
	for _, call := range r.Calls() {
		if call.Outcome == "" {
			r.held[call.ID] = true
			held = append(held, r.server.Hold(call.ID))
		}
	}
	return held
}

// Release lets the streams go on that Route.Hold holds. Where there are none, it opens the next gates (see the function
// Hold) for every request that the route answers now or later.
func (r *Route) Release(gates int) {
	r.server.t.Helper()
	held := r.held
	r.held = nil
	for _, call := range r.Calls() {
		if held[call.ID] && call.Outcome == "" {
			r.server.Release(call.ID)
			gates = 0
		}
	}
	if gates == 0 {
		return
	}
	r.server.ask(http.MethodPost, r.path()+"/release", url.Values{"gates": {strconv.Itoa(gates)}}, nil, nil)
}

// Remove takes the route away; its calls stay in the journal.
func (r *Route) Remove() {
	r.server.t.Helper()
	r.server.ask(http.MethodDelete, r.path(), nil, nil, nil)
}

// ExpectDisconnect does the act of cancelling, and fails the test unless every open call is left within Server.Within of
// its end. It returns the calls that were left.
func (r *Route) ExpectDisconnect(act func()) []Call {
	r.server.t.Helper()
	query := url.Values{
		"for":    {"left"},
		"route":  {r.ID},
		"since":  {strconv.Itoa(r.server.Show().Event)},
		"within": {seconds(r.server.Within)},
	}
	act()
	found := r.server.found(query)
	for !found.Met && !found.Final {
		query.Set("act", strconv.FormatFloat(found.Act, 'f', -1, 64))
		found = r.server.found(query)
	}
	return r.server.met(found).Calls
}

// AssertUpstreamStopped fails the test unless the client left before the end of every call, and the model stopped: it
// may bill one token that was never sent, or leaked of them.
func (r *Route) AssertUpstreamStopped(leaked ...int) {
	r.server.t.Helper()
	query := url.Values{"for": {"upstream"}, "route": {r.ID}}
	if len(leaked) > 0 {
		query.Set("leaked_tokens", strconv.Itoa(leaked[0]))
	}
	r.server.met(r.server.found(query))
}

func (r *Route) path() string { return "/routes/" + url.PathEscape(r.ID) }

func (r *Route) wait(condition string, query url.Values) Call {
	r.server.t.Helper()
	if query == nil {
		query = url.Values{}
	}
	query.Set("for", condition)
	query.Set("route", r.ID)
	for left := r.server.Timeout; ; left -= longest {
		query.Set("timeout", seconds(min(left, longest)))
		found := r.server.found(query)
		if found.Met || found.Final || left <= longest {
			return *r.server.met(found).Call
		}
	}
}

// found is what the waiting verb has seen.
type found struct {
	Met   bool    `json:"met"`
	Final bool    `json:"final"`
	Text  string  `json:"text"`
	Call  *Call   `json:"call"`
	Calls []Call  `json:"calls"`
	Act   float64 `json:"act"`
}

func (s *Server) found(query url.Values) (seen found) {
	s.t.Helper()
	s.ask(http.MethodGet, "/wait", query, nil, &seen)
	return seen
}

func (s *Server) met(seen found) found {
	s.t.Helper()
	if !seen.Met {
		s.t.Fatal(seen.Text)
	}
	return seen
}

func seconds(duration time.Duration) string {
	return strconv.FormatFloat(duration.Seconds(), 'f', -1, 64)
}

func min(one, other time.Duration) time.Duration {
	if one < other {
		return one
	}
	return other
}
