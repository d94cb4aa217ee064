package orharness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

const (
	root   = "/_orharness"
	client = "urn:orharness:problem:client"
)

// An idle connection could be closed by the server at the moment of its next use; proxies are for other hosts.
var transport = &http.Transport{DisableKeepAlives: true}

// problem is why a verb was not answered as it was meant (RFC 9457).
type problem struct {
	Type    string `json:"type"`
	Detail  string `json:"detail"`
	Pointer string `json:"pointer"`
}

func (p *problem) Error() string {
	if p.Type == client || p.Pointer == "" {
		return p.Detail
	}
	return fmt.Sprintf("%s (at %s)", p.Detail, p.Pointer)
}

// isFinding is whether an error says that the client under test is wrong.
func isFinding(err error) bool {
	var found *problem
	return errors.As(err, &found) && found.Type == client
}

func send(method, address string, query url.Values, document any) (*http.Response, error) {
	var body io.Reader
	if document != nil {
		text, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	if document != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token := os.Getenv("ORHARNESS_TOKEN"); token != "" {
		request.Header.Set("X-Orharness-Token", token)
	}
	return transport.RoundTrip(request)
}

// ask asks a control verb, and puts its document into answer unless that is nil.
func ask(method, address string, query url.Values, document, answer any) error {
	response, err := send(method, address, query, document)
	if err != nil {
		return fmt.Errorf("%s %s got no answer: %w", method, address, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	if response.StatusCode >= 400 {
		return problemIn(text, address, response.StatusCode)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s is not a server of orharness: %w", address, err)
	}
	return nil
}

func problemIn(text []byte, address string, status int) error {
	var found problem
	if json.Unmarshal(text, &found) != nil || found.Detail == "" {
		return fmt.Errorf("%s is not a server of orharness: it answers with status %d", address, status)
	}
	return &found
}

// events reads an event stream until it ends or each returns false.
func events(address string, since int, each func(Event) bool) error {
	response, err := send(http.MethodGet, address, url.Values{"since": {strconv.Itoa(since)}}, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		text, _ := io.ReadAll(response.Body)
		return problemIn(text, address, response.StatusCode)
	}
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadString('\n')
		if data := strings.TrimPrefix(line, "data: "); data != line {
			var event Event
			if err := json.Unmarshal([]byte(data), &event); err != nil {
				return err
			}
			if !each(event) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
