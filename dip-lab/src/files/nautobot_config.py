"""Nautobot of the lab: it listens to nobody but the tests of this machine."""

import os

from nautobot.core.settings import *  # noqa: F401,F403


class NoMigrations:
    """Tables are made from the models at once: the history of 400 migrations takes minutes and ends in the same tables."""

    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


MIGRATION_MODULES = NoMigrations()
SECRET_KEY = "nobody but the lab uses this key, and it protects nothing at all"
ALLOWED_HOSTS = ["*"]
INSTALLATION_METRICS_ENABLED = False
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "nautobot",
        "USER": "postgres",
        "PASSWORD": "",
        "HOST": "127.0.0.1",
        "PORT": os.environ["LAB_POSTGRES_PORT"],
        "CONN_MAX_AGE": 300,
    }
}
REDIS = f"redis://127.0.0.1:{os.environ['LAB_REDIS_PORT']}"
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{REDIS}/1",
        "TIMEOUT": 300,
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
    }
}
CELERY_BROKER_URL = f"{REDIS}/0"
