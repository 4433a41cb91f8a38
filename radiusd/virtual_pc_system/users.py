"""The customers of a virtual café. Names, passwords and balances follow from the number alone: it is a toy."""

from attrs import define

_FIRST = (
    "nora", "minh", "linh", "tuan", "hoa", "khoa", "lan", "duc", "mai", "hung", "thu", "nam", "yen", "bao",
    "chi", "dat", "giang", "hai", "khanh", "long", "my", "nga", "oanh", "phuc", "quan", "son", "trang", "uyen",
    "viet", "xuan", "anh", "binh", "cuong", "diep", "emi", "huy", "kien", "loan", "nhi", "phong",
)  # fmt: skip


@define
class User:
    """A PC account. `balance` is in VND; `is_on` is whether somebody sits at the PC with it."""

    name: str
    seat: str
    balance: int
    is_on: bool = True
    is_locked: bool = False
    is_suspended: bool = False

    @property
    def password(self) -> str:
        """Known to whoever knows the name."""
        return f"toy-{self.name}"


def generated(count: int) -> dict[str, User]:
    """nora_01, minh_02 and so on; every fifth is not there yet, and of a hundred one is locked, one suspended."""
    users = (_user(number) for number in range(1, count + 1))
    return {each.name: each for each in users}


def _user(number: int) -> User:
    return User(
        name=f"{_FIRST[(number - 1) % len(_FIRST)]}_{number:02}",
        seat=f"PC-{number:03}",
        balance=(number * 37 % 60 + 1) * 5_000,
        is_on=number % 5 != 0,
        is_locked=number % 100 == 98,
        is_suspended=number % 100 == 99,
    )
