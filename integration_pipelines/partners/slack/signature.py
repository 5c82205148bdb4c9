"""Slack sends us nothing: messages only go out, so there is no signature to check here.

If buttons or commands are ever answered, Slack signs those requests (`X-Slack-Signature`, version v0, over version, time and raw body);
the check belongs into this module then.
"""
