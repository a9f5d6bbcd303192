"""A page in the browser, watched."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Dialog, Page


@dataclass(slots=True)
class Visit:
    """A page, and what it said and did beside what it shows."""

    page: Page
    console_errors: list[str] = field(default_factory=list[str])
    dialogs: list[str] = field(default_factory=list[str])

    def listen(self) -> None:
        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.console_errors.append(message.text)

        def dismiss(dialog: Dialog) -> None:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

        self.page.on("console", hear)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("dialog", dismiss)

    def own_errors(self) -> list[str]:
        """Without what the browser itself reports of a connection or an answer's status."""
        return [text for text in self.console_errors if not text.startswith("Failed to load resource")]
