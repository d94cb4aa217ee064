// Clients in Go behind one driver, each as its manual shows: driver NAME
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/donovanhide/eventsource"
)

const body = `{"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true}`

type client func(ctx context.Context, baseURL string, text func(string)) error

// https://pkg.go.dev/bufio#Scanner over https://pkg.go.dev/net/http#Client.Do: the loop that people write themselves
func loop(ctx context.Context, baseURL string, text func(string)) error {
	response, err := http.DefaultClient.Do(request(ctx, baseURL))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(response.Body)
		return fmt.Errorf("HTTP %d: %s", response.StatusCode, message)
	}
	scanner := bufio.NewScanner(response.Body)
	for scanner.Scan() {
		line := scanner.Text()
		if !strings.HasPrefix(line, "data: ") {
			continue
		}
		data := strings.TrimPrefix(line, "data: ")
		if data == "[DONE]" {
			return nil
		}
		if err := content(data, text); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// https://pkg.go.dev/github.com/donovanhide/eventsource#SubscribeWithRequest, as Debian has it
func source(ctx context.Context, baseURL string, text func(string)) error {
	stream, err := eventsource.SubscribeWithRequest("", request(ctx, baseURL))
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-stream.Errors:
			return err
		case event := <-stream.Events:
			if event.Data() == "[DONE]" {
				return nil
			}
			if err := content(event.Data(), text); err != nil {
				return err
			}
		}
	}
}

func request(ctx context.Context, baseURL string) *http.Request {
	request, _ := http.NewRequestWithContext(ctx, "POST", baseURL+"/chat/completions", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer sk-orharness")
	return request
}

func content(data string, text func(string)) error {
	var chunk struct {
		Error   *struct{ Message string }
		Choices []struct{ Delta struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(data), &chunk); err != nil {
		return err
	}
	if chunk.Error != nil {
		return errors.New(chunk.Error.Message)
	}
	if len(chunk.Choices) > 0 {
		text(chunk.Choices[0].Delta.Content)
	}
	return nil
}

// ---- The protocol. -------------------------------------------------------------------------------------------------

var output sync.Mutex

func tell(message map[string]any) {
	line, _ := json.Marshal(message)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

func run(ctx context.Context, stop context.CancelFunc, answer client, id int, baseURL string) {
	err := answer(ctx, baseURL, func(text string) {
		if text != "" {
			tell(map[string]any{"id": id, "event": "delta", "text": text})
		}
	})
	cancelled := ctx.Err() != nil
	stop() // as a deferred cancel does: it ends the request
	switch {
	case cancelled:
		tell(map[string]any{"id": id, "event": "cancelled"})
	case err != nil:
		tell(map[string]any{"id": id, "event": "error", "message": err.Error(), "status": nil})
	default:
		tell(map[string]any{"id": id, "event": "end", "finish_reason": nil, "usage": nil})
	}
}

func main() {
	answer := map[string]client{"loop": loop, "eventsource": source}[os.Args[1]]
	tell(map[string]any{"event": "hello", "protocol": 1, "name": os.Args[1], "version": "", "capabilities": []string{"cancel", "parallel"}})
	running := map[int]context.CancelFunc{}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var order struct {
			Op      string
			ID      int    `json:"id"`
			BaseURL string `json:"base_url"`
		}
		if json.Unmarshal(input.Bytes(), &order) != nil {
			continue
		}
		switch order.Op {
		case "stream":
			ctx, cancel := context.WithCancel(context.Background())
			running[order.ID] = cancel
			go run(ctx, cancel, answer, order.ID, order.BaseURL)
		case "cancel":
			if cancel, ok := running[order.ID]; ok {
				cancel()
			}
		case "quit":
			return
		}
	}
}
