package data

import (
	"context"
	"runtime"
	"sync"
)

// examined is what became of one document on its way through inOrder.
type examined[R any] struct {
	Document // without its text
	size     int
	result   R
}

// inOrder reads documents, works on groups of about groupBytes with all cores, and hands on the results in the order of the documents. read and
// take each run in one goroutine, beside each other; work runs in many, and each has a scratch space of its own. What is in flight is
// bounded, and so is the memory.
func inOrder[S, R any](ctx context.Context, read func(ctx context.Context, fn func(Document) error) error,
	work func(scratch *S, d Document) R, take func(examined[R]) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type group struct {
		text []byte
		docs []examined[R]
		done chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	queue := make(chan *group)
	order := make(chan *group, 2*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var scratch S
			for g := range queue {
				from := 0
				for i := range g.docs {
					d := &g.docs[i]
					full := d.Document
					full.Text = g.text[from : from+d.size]
					d.result = work(&scratch, full)
					from += d.size
				}
				g.text = nil
				close(g.done)
			}
		})
	}
	var readErr error
	wg.Go(func() {
		defer close(order)
		defer close(queue)
		g := &group{done: make(chan struct{})}
		send := func() error {
			for _, c := range []chan *group{order, queue} {
				select {
				case c <- g:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			g = &group{done: make(chan struct{})}
			return nil
		}
		readErr = read(ctx, func(d Document) error {
			g.text = append(g.text, d.Text...)
			x := examined[R]{Document: d, size: len(d.Text)}
			x.Text = nil
			g.docs = append(g.docs, x)
			if len(g.text) >= groupBytes || len(g.docs) >= groupDocuments {
				return send()
			}
			return nil
		})
		if readErr == nil && len(g.docs) > 0 {
			readErr = send()
		}
	})
	var takeErr error
	for g := range order {
		if takeErr != nil || ctx.Err() != nil {
			continue
		}
		select {
		case <-g.done:
			for _, d := range g.docs {
				if takeErr = take(d); takeErr != nil {
					cancel()
					break
				}
			}
		case <-ctx.Done():
		}
	}
	wg.Wait()
	switch {
	case takeErr != nil:
		return takeErr
	case readErr != nil:
		return readErr
	}
	return ctx.Err()
}

// groupDocuments bounds the documents of a group where they are tiny.
const groupDocuments = 4096
