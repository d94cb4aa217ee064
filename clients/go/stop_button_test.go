package orharness_test

import (
	"context"
	"testing"

	. "onerouter.pro/orharness"
)

func TestTheStopButtonStopsTheModel(t *testing.T) {
	server := Start(t)
	route := server.Chat(Answer{Tokens: 500}, With{Through: []any{Hold(3)}, Provider: "Anthropic"})
	ctx, stop := context.WithCancel(context.Background())
	go ask(ctx, server.BaseURL) // the client under test
	route.Held()
	route.ExpectDisconnect(stop)
	route.AssertUpstreamStopped()
}
