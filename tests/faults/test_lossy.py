"""The fate of datagrams in bad weather."""

from random import Random

from radiusd.faults.lossy import Weather, fate


def test_each_datagram_is_lost_repeated_and_late_as_often_as_the_weather_says() -> None:
    random, weather = Random(1), Weather(loss=0.3, repeated=0.2, late=0.1, latest=2.0)
    fates = [list(fate(weather, random)) for _ in range(20_000)]
    copies = [delay for each in fates for delay in each]
    assert 0.29 < sum(not each for each in fates) / len(fates) < 0.31
    assert 0.19 < sum(len(each) == 2 for each in fates) / sum(bool(each) for each in fates) < 0.21
    assert 0.09 < sum(delay > 0 for delay in copies) / len(copies) < 0.11
    assert max(copies) <= 2.0


def test_in_good_weather_everything_arrives_once_and_at_once() -> None:
    random, weather = Random(1), Weather(loss=0, repeated=0, late=0)
    assert all(list(fate(weather, random)) == [0.0] for _ in range(1000))
