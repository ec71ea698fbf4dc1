using System.Text.Json;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;

namespace TaskTracker.Tests.Api;

public sealed class FormatTests
{
    [Theory]
    [InlineData("2030-01-31T08:30:00Z", "2030-01-31T08:30:00.000000Z")]
    [InlineData("2030-01-31T08:30:00", "2030-01-31T08:30:00.000000Z")]
    [InlineData("2030-01-31T08:30", "2030-01-31T08:30:00.000000Z")]
    [InlineData("2030-01-31 08:30:00.5", "2030-01-31T08:30:00.500000Z")]
    [InlineData("2030-01-31T10:30:00+02:00", "2030-01-31T08:30:00.000000Z")]
    [InlineData("2030-01-31T08:30:00.1234565Z", "2030-01-31T08:30:00.123457Z")]
    [InlineData("2030-01-31T08:30:00.1234564Z", "2030-01-31T08:30:00.123456Z")]
    [InlineData("2030-01-31", "2030-01-31T00:00:00.000000Z")]
    public void A_time_is_taken_as_UTC_and_rounded_to_microseconds(string text, string expected)
    {
        Assert.True(UtcTime.TryParse(text, out var time));
        Assert.Equal(expected, UtcTime.Format(time));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("tomorrow")]
    [InlineData("08:30")]
    [InlineData("31/01/2030")]
    [InlineData("2030-02-30T00:00:00Z")]
    [InlineData("0001-01-01T00:00:00+14:00")]
    [InlineData("9999-12-31T23:59:59.9999999Z")]
    [InlineData("10000-01-01T00:00:00Z")]
    public void What_is_no_time_or_does_not_fit_is_refused(string? text) => Assert.False(UtcTime.TryParse(text, out _));

    [Fact]
    public void A_cursor_reads_back_what_it_was_made_of()
    {
        var made = new Cursor("-title", 1_234_567_890_123, "a:b 💡");

        Assert.True(Cursor.TryParse(made.ToString(), "-title", out var read));
        Assert.Equal(made, read);
        Assert.False(Cursor.TryParse(made.ToString(), "title", out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("aWQ6")]
    [InlineData("aWQ6LTE")]
    [InlineData("aWQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk5")]
    [InlineData("bmFtZTox")]
    public void A_cursor_that_was_not_handed_out_is_refused(string text) => Assert.False(Cursor.TryParse(text, "id", out _));

    [Theory]
    [InlineData("a", true)]
    [InlineData("", false)]
    [InlineData("  ", false)]
    [InlineData(null, false)]
    [InlineData("a\0b", false)]
    [InlineData("\ufffd", true)]
    [InlineData("abcdef", false)]
    [InlineData("\ud83d\udca9\ud83d\udca9\ud83d\udca9\ud83d\udca9\ud83d\udca9", true)]
    public void Text_is_counted_in_characters_and_holds_only_what_the_database_can_keep(string? text, bool expected) =>
        Assert.Equal(expected, new TextAttribute(5) { MinimumLength = 1 }.IsValid(text));

    // Not as data of the test above: an attribute keeps text as UTF-8, which has no halves.
    [Fact]
    public void Half_of_a_surrogate_pair_is_no_text() =>
        Assert.All(["\ud83d", "\udca9a", "a\ud83d\ud83d"], text => Assert.False(new TextAttribute(5).IsValid(text)));

    [Fact]
    public void Field_names_are_shown_as_clients_write_them() => Assert.Equal("update_data.due_at", JsonFormat.FieldName("UpdateData.DueAt"));

    [Fact]
    public void A_time_that_is_no_text_is_refused_with_what_is_expected()
    {
        var options = new JsonSerializerOptions { Converters = { new UtcTimeJsonConverter() } };

        Assert.Equal(UtcTime.Expected, Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<DateTimeOffset>("5", options)).Message);
    }
}
