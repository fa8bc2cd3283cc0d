"""Tables of ratings from arrays, data frames and files."""

import numpy as np
import pandas
import pytest
import torch

from torch_rbm.ratings import RatingTable


def write(folder, text):
    path = folder / "ratings.csv"
    path.write_text(text)
    return path


class TestTables:
    def test_names_scale_and_layout(self):
        table = RatingTable.from_arrays(
            ["bob", "ann", "bob", "eve"], [30, 10, 10, 20], [4.5, 0.5, 3.0, 4.5], [4, 3, 2, 1]
        )
        assert table.users.tolist() == ["ann", "bob", "eve"]
        assert table.items.tolist() == [10, 20, 30]
        assert table.scale.tolist() == [0.5, 3.0, 4.5]
        assert table.values().tolist() == [4.5, 0.5, 3.0, 4.5]
        assert table.time.tolist() == [4, 3, 2, 1]
        assert len(table) == 4
        by_user, by_item = table.by_user(), table.by_item()
        assert by_user.crow.tolist() == [0, 1, 3, 4]
        assert by_user.items.tolist() == [0, 2, 0, 1]
        assert by_user.levels.tolist() == [0, 2, 1, 2]
        assert by_item.crow.tolist() == [0, 2, 3, 4]
        assert by_item.items.tolist() == [0, 1, 2, 1]

    def test_a_part_keeps_users_and_items(self):
        table = RatingTable.from_arrays([1, 2, 3], [1, 2, 3], [1, 2, 3], [7, 8, 9])
        part = table.subset(torch.tensor([True, False, True]))
        assert len(part) == 2
        assert part.users.tolist() == [1, 2, 3]
        assert part.time.tolist() == [7, 9]
        assert part.by_user().crow.tolist() == [0, 1, 1, 2]

    def test_a_scale_may_have_ratings_that_nobody_gave(self):
        table = RatingTable.from_arrays([1, 2], [1, 1], [2, 4], scale=[5, 4, 3, 2, 1])
        assert table.scale.tolist() == [1, 2, 3, 4, 5]
        assert table.level.tolist() == [1, 3]

    def test_files(self, tmp_path):
        path = write(tmp_path, "userId,movieId,rating,timestamp\n7,50,4.0,100\n8,50,2.5,99\n")
        table = RatingTable.read_csv(path)
        assert table.users.tolist() == [7, 8]
        assert table.values().tolist() == [4.0, 2.5]
        assert table.time.tolist() == [100, 99]

    def test_blank_lines_and_words_for_a_table(self, tmp_path):
        path = write(tmp_path, "userId,movieId,rating\n7,50,4.0\n\n8,50,2.5\n\n\n")
        table = RatingTable.read_csv(path)
        assert table.users.tolist() == [7, 8]
        assert repr(table) == "RatingTable(2 ratings, 2 users, 1 items, 2.5 to 4)"

    def test_frames_with_dates(self):
        frame = pandas.DataFrame(
            {
                "user_id": ["a", "b"],
                "item_id": ["x", "y"],
                "Rating": [1, 2],
                "date": ["2020-01-02", "2020-01-01"],
            }
        )
        table = RatingTable.from_frame(frame)
        assert table.time.diff().tolist() == [-86400]
        assert table.items.tolist() == ["x", "y"]


HEAD = "userId,movieId,rating\n"


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "it is empty"),
            (HEAD, "expected at least one rating"),
            (
                "userId,rating\n1,2\n",
                "column for the item with one of the names item, .*got columns userId, rat",
            ),
            (HEAD + "1,1,4\n1,2,good\n", "number as the rating in line 3, got 'good'"),
            (HEAD + "1,1,4\n1,2,\n", "number as the rating in line 3, got none"),
            (HEAD + "1,1,4\n,2,3\n", "expected a user in line 3, got none"),
            (HEAD + "1,1,4\n\n,2,3\n", "expected a user in line 4, got none"),
            (HEAD + "1,1,4\n2,1,3\n1,1,5\n", "two of item 1 by user 1, in line 2 and line 4"),
            (HEAD + "1,1,4\n2,1,4\n", "a scale of two ratings or more, got only 4"),
            (HEAD + "1,1,4\n2,1,3,9,9\n", "expected a table in .*line 3"),
            (HEAD + "9,1,1,4\n9,2,1,3\n", "rows have more values than its header"),
        ],
    )
    def test_the_message_names_the_line(self, tmp_path, text, message):
        path = write(tmp_path, text)
        with pytest.raises(ValueError, match=message) as caught:
            RatingTable.read_csv(path)
        assert "ratings.csv" in str(caught.value)

    def test_ratings_outside_the_scale(self, tmp_path):
        path = write(tmp_path, HEAD + "1,1,4\n1,2,3.5\n")
        with pytest.raises(
            ValueError, match=r"one of the ratings 1, 2, 3, 4, 5 in line 3, got 3.5"
        ):
            RatingTable.read_csv(path, scale=[1, 2, 3, 4, 5])

    def test_no_scale(self):
        with pytest.raises(ValueError, match="at most 100 levels, got 200 different ones"):
            RatingTable.from_arrays(np.arange(200), np.arange(200), np.random.rand(200))

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="found none"):
            RatingTable.read_csv(tmp_path / "none.csv")

    def test_arrays_of_different_lengths(self):
        with pytest.raises(ValueError, match=r"as many users, items and ratings, got \[2, 2, 1\]"):
            RatingTable.from_arrays([1, 2], [1, 2], [3])
