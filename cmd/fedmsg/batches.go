package main

import (
	"context"
	"io"
)

// How much of an input is handed on at once. It is less when the rest has to be waited for.
const (
	batchDocuments = 512
	batchBytes     = 4 << 20
)

// eachInput reads the files, or standard input where there is none or it is named -, and hands on batches of what is in them.
func (p *program) eachInput(ctx context.Context, names []string, do func([]document) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		in, err := p.input([]string{name})
		if err != nil {
			return err
		}
		prefix := ""
		if len(names) > 1 {
			prefix = name + " "
		}
		err = eachBatch(ctx, newIntake(in, prefix, maxInput), do)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// eachBatch hands on what in gives, and reads ahead by one batch.
func eachBatch(ctx context.Context, in *intake, do func([]document) error) error {
	type batch struct {
		docs []document
		err  error
	}
	batches := make(chan batch)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	// Nobody waits for this one when the program is interrupted or stops: it may sit in a read that nothing can end.
	go func() {
		for {
			docs, err := in.batch()
			select {
			case batches <- batch{docs, err}:
			case <-reading.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case b := <-batches:
			if len(b.docs) > 0 {
				if err := do(b.docs); err != nil {
					return err
				}
			}
			switch {
			case b.err == io.EOF:
				return nil
			case b.err != nil:
				return b.err
			}
		case <-ctx.Done():
			return interrupted(ctx, nil)
		}
	}
}

// batch reads documents until there are enough, or the next one has to be waited for.
func (d *intake) batch() (docs []document, err error) {
	for size := 0; len(docs) < batchDocuments && size < batchBytes && (len(docs) == 0 || !d.waiting()); {
		var doc document
		if doc, err = d.next(); err != nil {
			break
		}
		docs, size = append(docs, doc), size+len(doc.text)
	}
	return docs, err
}
