from gitops.settings.load import Settings
from gitops.wiring import public_settings


def test_public_settings_tell_no_part_of_a_credential():
    credential = {
        "urlPrefix": "https://user:prefix-secret@git.example.com/team",
        "username": "user-as-token",
        "password": "a-password",
        "bearer": "a-bearer",
    }
    shown = public_settings(Settings(git={"credentials": [credential]}, webhook={"github": "hush"}))
    assert shown["git"]["credentials"] == ["https://git.example.com/team"]
    for secret in ("prefix-secret", "user-as-token", "a-password", "a-bearer", "hush"):
        assert secret not in repr(shown)
