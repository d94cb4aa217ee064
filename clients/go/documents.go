package orharness

import (
	"encoding/json"
	"net/url"
	"strconv"
)

// Doc is a part of a scenario document, or another JSON object.
type Doc map[string]any

// Hold is a gate after that many chunks: the stream stops there until Route.Release.
func Hold(after int) Doc { return Doc{"hold": after} }

// Answer is what a model answers, in its parts. Text, Tokens (that many) and Pieces exclude each other.
type Answer struct {
	Text               string     `json:"text,omitempty"`
	Tokens             int        `json:"tokens,omitempty"`
	Pieces             []string   `json:"pieces,omitempty"`
	Reasoning          string     `json:"reasoning,omitempty"`
	ToolCalls          []ToolCall `json:"tool_calls,omitempty"`
	Refusal            string     `json:"refusal,omitempty"`
	FinishReason       string     `json:"finish_reason,omitempty"`
	NativeFinishReason string     `json:"native_finish_reason,omitempty"`
	Usage              any        `json:"usage,omitempty"`
	Model              string     `json:"model,omitempty"`
	ID                 string     `json:"id,omitempty"`
	Created            int        `json:"created,omitempty"`
	Others             []any      `json:"others,omitempty"`
	Error              any        `json:"error,omitempty"`
}

// ToolCall is a tool that the model calls. Arguments: a text, or what JSON makes of it.
type ToolCall struct {
	Name      string `json:"name"`
	Arguments any    `json:"arguments,omitempty"`
	ID        string `json:"id,omitempty"`
}

// With is what may be beside an answer in a route; docs/scenarios.md explains each. Times are in seconds.
type With struct {
	When     any      `json:"when,omitempty"`
	Through  []any    `json:"through,omitempty"` // such as Hold(3) and "per_byte"
	Provider any      `json:"provider,omitempty"`
	Pace     *float64 `json:"pace,omitempty"`
	Latency  string   `json:"latency,omitempty"` // such as prefill=200ms,itl=20ms
	Price    *float64 `json:"price,omitempty"`
	Gateway  string   `json:"gateway,omitempty"`
	Headers  any      `json:"headers,omitempty"`
	Head     float64  `json:"head,omitempty"`
	Delay    float64  `json:"delay,omitempty"`
	Ending   string   `json:"ending,omitempty"`
	Framing  string   `json:"framing,omitempty"`
	Pacing   string   `json:"pacing,omitempty"`
	Times    int      `json:"times,omitempty"`
	Expect   *Expect  `json:"expect,omitempty"`
}

// Expect is what must have become of each call of a route when the session is judged. Within: seconds.
type Expect struct {
	Outcome  string  `json:"outcome,omitempty"`
	Within   float64 `json:"within,omitempty"`
	Upstream string  `json:"upstream,omitempty"`
}

func (w With) into(route Doc) {
	text, err := json.Marshal(w)
	if err == nil {
		err = json.Unmarshal(text, &route)
	}
	if err != nil {
		panic(err) // a value of the caller's that JSON cannot have
	}
}

func (s Session) query() url.Values {
	query := url.Values{"strict": {strconv.FormatBool(!s.Lax)}}
	if s.Pacing != "" {
		query.Set("pacing", s.Pacing)
	}
	if s.Gateway != "" {
		query.Set("gateway", s.Gateway)
	}
	if s.TTL != 0 {
		query.Set("ttl", seconds(s.TTL))
	}
	return query
}

// About is which program answers.
type About struct {
	Program string `json:"program"`
	Version string `json:"version"`
	API     int    `json:"api"`
}

// SessionInfo is what the server says of a session.
type SessionInfo struct {
	ID      string            `json:"id"`
	Origin  string            `json:"origin"`
	BaseURL string            `json:"base_url"`
	APIKey  string            `json:"api_key"`
	Headers map[string]string `json:"headers"`
	Env     map[string]string `json:"env"`
	Strict  bool              `json:"strict"`
	TTL     *float64          `json:"ttl"`
	Routes  []RouteInfo       `json:"routes"`
	Calls   int               `json:"calls"`
	Event   int               `json:"event"`
}

// RouteInfo is what the server says of a route.
type RouteInfo struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Method string  `json:"method"`
	Path   *string `json:"path"`
	Strict bool    `json:"strict"`
	Calls  int     `json:"calls"`
}

// Exchange is one request and what became of its answer. Times are in seconds; nil is unknown or undecided.
type Exchange struct {
	ID            string            `json:"id"`
	StartedAt     string            `json:"started_at"`
	Request       Request           `json:"request"`
	Route         *string           `json:"route"`
	Status        *int              `json:"status"`
	Outcome       string            `json:"outcome"` // "" while it is undecided
	How           string            `json:"how"`     // fin, rst or half_close, for a client that left
	EndedAfter    *float64          `json:"ended_after"`
	ChunksWritten int               `json:"chunks_written"`
	BytesWritten  int               `json:"bytes_written"`
	BytesRead     *int              `json:"bytes_read"`
	Pacing        string            `json:"pacing"`
	Boundaries    Boundaries        `json:"boundaries"`
	Faults        []string          `json:"faults"`
	Difference    *string           `json:"difference"`
	Bill          Doc               `json:"bill"`
	Certainty     map[string]string `json:"certainty"`
}

// Request is what the client sent.
type Request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// Boundaries says of how many chunks it was seen that the client's process read them as they were written.
type Boundaries struct {
	Proven  int `json:"proven"`
	Assumed int `json:"assumed"`
}

// Call is an exchange, and what else is known of it.
type Call struct {
	Exchange
	Session    string  `json:"session"`
	RouteID    *string `json:"route_id"`
	Finished   *bool   `json:"finished"` // whether the whole answer was taken; nil where that is unknown
	HeldAt     *int    `json:"held_at"`  // the offset of the gate at which the stream is held
	Chunks     *int    `json:"chunks"`
	StreamSize *int    `json:"stream_size"`
	Open       bool    `json:"open"` // whether the client is still there to leave
	Event      int     `json:"event"`
}

// Event is one exchange event. At: seconds since the request was read.
type Event struct {
	ID      int     `json:"id"`
	Session string  `json:"session"`
	Call    string  `json:"call"`
	Event   string  `json:"event"`
	At      float64 `json:"at"`
	Outcome string  `json:"outcome,omitempty"`
	Written int     `json:"body_written"` // bytes of the body that were written by then
	Read    *int    `json:"body_read"`    // those that the client was last seen to have read; nil where that is unknown
}

// Stream is the beginning of an answer. Size: bytes in full; Total: chunks in full.
type Stream struct {
	Size   int     `json:"size"`
	Total  int     `json:"total"`
	Chunks []Chunk `json:"chunks"`
}

// Chunk is one write of the server. Start: the offset of its first byte; Delay: seconds since the one before.
type Chunk struct {
	Start int     `json:"start"`
	Size  int     `json:"size"`
	Delay float64 `json:"delay"`
	Bytes []byte  `json:"bytes"`
	Parts []Part  `json:"parts"`
}

// Part is an item of a chunk, in words.
type Part struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Verdict is that of a session in which nothing is wrong.
type Verdict struct {
	Passed   bool     `json:"passed"`
	Session  string   `json:"session"`
	LeftOpen []string `json:"left_open"`
	Account  string   `json:"account"`
}
