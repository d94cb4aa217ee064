// A driver: orharness tells it on stdin what to do, and it tells on stdout what came, one JSON object a line.
// Check it with:  orharness check --driver 'go run driver.go'
// What you print for yourself belongs to stderr (log.Println).
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

const name, version = "my client", "0"

// ---- Your client: put its call here, in place of what this function does. ------------------------------------------
// It calls text as text comes, returns what goes wrong (a clientError with a status, if HTTP said one), and stops when
// the context is cancelled. What stands here works: it is a whole client on the standard library.
func answer(ctx context.Context, ask order, text func(string), told *ending) error {
	question, _ := json.Marshal(map[string]any{
		"model": ask.Model, "stream": true, "messages": []any{map[string]string{"role": "user", "content": ask.Prompt}},
	})
	request, err := http.NewRequestWithContext(ctx, "POST", ask.BaseURL+"/chat/completions", bytes.NewReader(question))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+ask.APIKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	kind := strings.ToLower(response.Header.Get("Content-Type"))
	if response.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		body, _ := io.ReadAll(response.Body)
		return clientError{messageOf(string(body)), &response.StatusCode}
	}
	finished := errors.New("finished")
	err = events(response.Body, func(kind, data string) error {
		if data == "[DONE]" {
			return finished
		}
		if strings.TrimSpace(data) == "" || strings.HasPrefix(data, ":") { // a heartbeat that proxies send as data
			return nil
		}
		var chunk chunk
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return err
		}
		failed := kind == "error" || chunk.Object == "error" || isSomething(chunk.Error)
		for _, choice := range chunk.Choices {
			if choice.Index != 0 {
				continue
			}
			if content := textOf(choice.Delta.Content); content != "" {
				text(content)
			}
			failed = failed || isSomething(choice.Error)
			if choice.FinishReason != nil && *choice.FinishReason != "" {
				failed = failed || *choice.FinishReason == "error"
				told.FinishReason = choice.FinishReason
			}
		}
		if failed {
			return clientError{messageOf(data), nil}
		}
		if isSomething(chunk.Usage) {
			told.Usage = chunk.Usage
		}
		return nil
	})
	if err == finished {
		return nil
	}
	if err == nil {
		err = errors.New("the answer ended without [DONE]: it is not complete")
	}
	return err
}

type chunk struct {
	Object  string
	Error   json.RawMessage
	Usage   json.RawMessage
	Choices []struct {
		Index        int
		Delta        struct{ Content json.RawMessage }
		Error        json.RawMessage
		FinishReason *string `json:"finish_reason"`
	}
}

func isSomething(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

// The text of a delta: a string, or a list of parts, as Mistral sends it where the model thinks.
func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct{ Type, Text string }
	_ = json.Unmarshal(content, &parts)
	for _, part := range parts {
		if part.Type == "text" {
			text += part.Text
		}
	}
	return text
}

func messageOf(body string) string {
	var document struct {
		Message string
		Error   struct{ Message string }
	}
	_ = json.Unmarshal([]byte(body), &document)
	for _, message := range []string{document.Error.Message, document.Message, body} {
		if message != "" {
			return message
		}
	}
	return "an error without a word"
}

// ---- The end of your client. ---------------------------------------------------------------------------------------

// The event stream format (html.spec.whatwg.org, "server-sent events"): an event ends at its empty line.
func events(body io.Reader, take func(kind, data string) error) error {
	kind, data := "message", []string{}
	return lines(body, func(line string) error {
		if line == "" {
			gone, said := kind, data
			kind, data = "message", nil
			if len(said) == 0 {
				return nil
			}
			return take(gone, strings.Join(said, "\n"))
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		if field == "data" {
			data = append(data, value)
		} else if field == "event" {
			kind = value
		}
		return nil
	})
}

// Lines end with CR, LF or CRLF and with nothing else. A CR ends a line at once; a LF that comes next belongs to it.
func lines(body io.Reader, take func(string) error) error {
	reader := bufio.NewReader(body)
	var line []byte
	first, afterReturn := true, false
	for {
		one, err := reader.ReadByte()
		if err == io.EOF {
			return nil // what has no line end is not a line
		}
		if err != nil {
			return err
		}
		if afterReturn && one == '\n' {
			afterReturn = false
			continue
		}
		afterReturn = one == '\r'
		if one != '\n' && one != '\r' {
			line = append(line, one)
			continue
		}
		text := decoded(line)
		if first {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		line, first = line[:0], false
		if err := take(text); err != nil {
			return err
		}
	}
}

// The text of a line. Each longest beginning of a character that does not go on becomes U+FFFD, as browsers have it.
func decoded(line []byte) string {
	var text strings.Builder
	for len(line) > 0 {
		character, size := utf8.DecodeRune(line)
		if character == utf8.RuneError && size == 1 {
			for size < len(line) && !utf8.FullRune(line[:size+1]) {
				size++
			}
			if utf8.FullRune(line[:size]) {
				size = 1
			}
		}
		text.WriteRune(character)
		line = line[size:]
	}
	return text.String()
}

// ---- The protocol. -------------------------------------------------------------------------------------------------

type order struct {
	Op, Model, Prompt string
	ID                int    `json:"id"`
	BaseURL           string `json:"base_url"`
	APIKey            string `json:"api_key"`
}

type ending struct {
	FinishReason *string
	Usage        json.RawMessage
}

type clientError struct {
	message string
	status  *int
}

func (failed clientError) Error() string { return failed.message }

var output sync.Mutex

func tell(id int, event string, more map[string]any) {
	message := map[string]any{"event": event}
	if id > 0 {
		message["id"] = id
	}
	for key, value := range more {
		message[key] = value
	}
	line, _ := json.Marshal(message)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

func run(ctx context.Context, ask order) {
	told := ending{Usage: json.RawMessage("null")}
	err := answer(ctx, ask, func(text string) { tell(ask.ID, "delta", map[string]any{"text": text}) }, &told)
	var failed clientError
	switch {
	case ctx.Err() != nil:
		tell(ask.ID, "cancelled", nil)
	case errors.As(err, &failed):
		tell(ask.ID, "error", map[string]any{"message": failed.message, "status": failed.status})
	case err != nil:
		tell(ask.ID, "error", map[string]any{"message": err.Error(), "status": nil})
	default:
		tell(ask.ID, "end", map[string]any{"finish_reason": told.FinishReason, "usage": told.Usage})
	}
}

func main() {
	tell(0, "hello", map[string]any{
		"protocol": 1, "name": name, "version": version, "capabilities": []string{"cancel", "parallel"},
	})
	running := map[int]context.CancelFunc{}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var ask order
		if err := json.Unmarshal(input.Bytes(), &ask); err != nil {
			continue
		}
		switch ask.Op {
		case "stream":
			ctx, cancel := context.WithCancel(context.Background())
			running[ask.ID] = cancel
			go run(ctx, ask)
		case "cancel":
			if cancel, ok := running[ask.ID]; ok {
				cancel()
			}
		case "quit":
			return
		}
	}
}
