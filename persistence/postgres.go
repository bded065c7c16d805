package persistence

import (
	"context"
	"errors"

	"go.uber.org/zap"
)

var errPostgres = errors.New("store: this version stores in SQLite only")

func openPostgres(context.Context, Config, *zap.Logger) (Store, error) { return nil, errPostgres }

func migratePostgresURL(context.Context, Config, *zap.Logger) ([]string, error) { return nil, errPostgres }

func checkPostgresURL(context.Context, Config) error { return errPostgres }
