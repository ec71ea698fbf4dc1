using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace TaskTracker.Api.Paging;

/// <summary>
/// Where a page ended: the key of its last row. It is opaque to clients, and holds no secret: whatever it says, a list
/// shows the caller's own rows only.
/// </summary>
internal readonly record struct Cursor(long Id)
{
    /// <summary>The longest text of a cursor.</summary>
    public const int MaxLength = 200;

    private const string Order = "id:";

    /// <summary>What is said of a text that is none.</summary>
    public static Dictionary<string, string[]> Problem =>
        new() { ["cursor"] = ["Must be the next_cursor of an earlier page, unchanged."] };

    /// <summary>Reads a cursor; no text at all is the beginning.</summary>
    public static bool TryParse(string? text, out Cursor cursor)
    {
        cursor = default;
        if (text is null)
        {
            return true;
        }

        var bytes = new byte[MaxLength];
        if (text.Length > MaxLength
            || Base64Url.DecodeFromChars(text, bytes, out _, out var length) != OperationStatus.Done
            || Encoding.UTF8.GetString(bytes, 0, length) is not { } plain
            || !plain.StartsWith(Order, StringComparison.Ordinal)
            || !long.TryParse(plain.AsSpan(Order.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return false;
        }

        cursor = new Cursor(id);
        return true;
    }

    public override string ToString() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Order}{Id}"));
}
